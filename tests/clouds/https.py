"""An HTTPS client that trusts one authority: requests, for servers that speak nothing else.

Takes the authority's file. Then, for each line of standard input, `[method, url, headers,
body]`, asks and prints status and body. Ends with standard input.
"""

import json
import sys

import requests

session = requests.Session()
session.trust_env = False
session.verify = sys.argv[1]
for line in sys.stdin:
    method, url, headers, body = json.loads(line)
    answer = session.request(method, url, headers=headers, data=body.encode())
    print(json.dumps([answer.status_code, answer.text]), flush=True)
