"""Content-Security-Policy: what each page may load and run. The one place; `core.http.security_headers` sends it.

`'unsafe-inline'` for scripts is nowhere. `tests/browser/test_content_policy.py` walks all pages in a browser.
"""

import re

Policy = dict[str, str]

STRICT: Policy = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
ADMIN: Policy = {
    **STRICT,
    # The theme's Alpine makes functions of the texts in its attributes.
    "script-src": "'self' 'unsafe-eval'",
    # It sets the width of the lists' bar of actions as a style attribute; <style> elements stay forbidden.
    "style-src-attr": "'unsafe-inline'",
}
# Swagger UI has its icons in data URLs.
DOCS: Policy = {**STRICT, "img-src": "'self' data:", "form-action": "'none'"}


def _header(policy: Policy) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


# The first that fits an address holds.
POLICIES = (
    (re.compile(r"/admin(/|$)"), _header(ADMIN)),
    (re.compile(r"/api/docs/?$"), _header(DOCS)),
    (re.compile(r""), _header(STRICT)),
)
