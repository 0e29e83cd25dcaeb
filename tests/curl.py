"""The part of curl that the documents use, for a machine without it: `python -m tests.curl URL -H … -d …`."""

import argparse
import sys

import requests


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    given = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in given.headers)
    method = given.method or ("POST" if given.data else "GET")
    answer = requests.request(method, given.url, headers=headers, data=given.data and given.data.encode(), timeout=60)
    sys.stdout.write(answer.text)
    return 0 if answer.ok else 22


if __name__ == "__main__":
    sys.exit(main())
