"use strict";

const page = document.getElementById("docs");

SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  // Reading may be tried out here; a page of documentation moves no money.
  supportedSubmitMethods: ["get"],
  // Else the description's address is sent to a server of Swagger's.
  validatorUrl: null,
});
