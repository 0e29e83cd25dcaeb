"""Content-Security-Policy of each page. `core.http.security_headers` sends it.

No policy allows `'unsafe-inline'` for scripts. `tests/browser/test_content_policy.py` checks all pages in a browser.
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
    # The theme uses Alpine, which compiles the expressions in its attributes.
    "script-src": "'self' 'unsafe-eval'",
    # Alpine sets the width of the action bar as a style attribute; <style> elements stay forbidden.
    "style-src-attr": "'unsafe-inline'",
}
# Swagger UI embeds its icons as data URLs.
DOCS: Policy = {**STRICT, "img-src": "'self' data:", "form-action": "'none'"}


def _header(policy: Policy) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


# The first pattern that matches the path applies.
POLICIES = (
    (re.compile(r"/admin(/|$)"), _header(ADMIN)),
    (re.compile(r"/api/docs/?$"), _header(DOCS)),
    (re.compile(r""), _header(STRICT)),
)
