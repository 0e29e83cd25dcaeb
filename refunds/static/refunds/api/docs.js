"use strict";

const page = document.getElementById("docs");

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}

// Who is signed in to this site needs nothing else: the session's cookie is sent anyway, and this goes with it.
function withCsrfToken(request) {
  if (request.method !== "GET" && !request.headers["X-CSRFToken"] && !request.headers.Authorization) {
    request.headers["X-CSRFToken"] = cookie(page.dataset.csrfCookie);
  }
  return request;
}

SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: page.dataset.methods.split(" "),
  requestInterceptor: withCsrfToken,
  // Else the description's address is sent to a server of Swagger's.
  validatorUrl: null,
});
