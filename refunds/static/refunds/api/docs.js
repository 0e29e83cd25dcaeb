"use strict";

const page = document.getElementById("docs");

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}

// A signed-in user needs no token: the browser sends the session cookie, and this adds the CSRF header.
function withCsrfToken(request) {
  if (request.method !== "GET" && !request.headers["X-CSRFToken"] && !request.headers.Authorization) {
    request.headers["X-CSRFToken"] = cookie(page.dataset.csrfCookie);
  }
  return request;
}

// Swagger UI leaves these out. Keyboard and screen reader need a name for each list, long examples that scroll, and no
// link inside the button that opens an operation.
function mend() {
  page.querySelectorAll("select:not([aria-label])").forEach((list) => list.setAttribute("aria-label", "Example"));
  page.querySelectorAll("pre:not([tabindex])").forEach((example) => (example.tabIndex = 0));
  page.querySelectorAll(".opblock-summary-control a[href]").forEach((link) => link.removeAttribute("href"));
}

new MutationObserver(mend).observe(page, { childList: true, subtree: true });

SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: page.dataset.methods.split(" "),
  requestInterceptor: withCsrfToken,
  // Otherwise the description's URL would be sent to Swagger's validator.
  validatorUrl: null,
});
