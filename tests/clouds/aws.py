"""Moto, as S3 and the token service of AWS on loopback, and Amazon's own client beside it.

Prints its port. Then, for each line of standard input, `[service, method, arguments]`, calls
boto3 and prints what it answers. The service `signature` judges a signed URL with botocore,
because moto takes any. Ends with standard input. Must never reach another host.
"""

import base64
import json
import logging
import os
import sys

os.environ.update(AWS_ACCESS_KEY_ID="maker", AWS_SECRET_ACCESS_KEY="maker")

import urllib.parse

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sts.models import sts_backends
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
url = f"http://127.0.0.1:{port}"
print(json.dumps({"port": port}), flush=True)


def plain(value):
    """As JSON has it: bodies as base64, times as text."""
    if hasattr(value, "read"):
        return base64.b64encode(value.read()).decode()
    return str(value)


def is_signed(signed):
    """Whether a role that was taken has signed this URL."""
    url = urllib.parse.urlsplit(signed)
    query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
    signature = query.pop("X-Amz-Signature")
    key_id, _, region, service, _ = query["X-Amz-Credential"].split("/")
    role = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(key_id)
    if role is None or role.session_token != query["X-Amz-Security-Token"]:
        return False
    credentials = Credentials(key_id, role.secret_access_key)
    auth = S3SigV4QueryAuth(credentials, service, region)
    quote = lambda text: urllib.parse.quote(text, safe="-_.~")
    text = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(query.items()))
    bare = urllib.parse.urlunsplit((url.scheme, url.netloc, url.path, text, ""))
    request = AWSRequest("GET", bare, headers={"host": url.netloc})
    request.context["timestamp"] = query["X-Amz-Date"]
    canonical = auth.canonical_request(request)
    return signature == auth.signature(auth.string_to_sign(request, canonical), request)


for line in sys.stdin:
    service, method, arguments = json.loads(line)
    if service == "signature":
        print(json.dumps(is_signed(arguments["url"])), flush=True)
        continue
    client = boto3.client(service, endpoint_url=url, region_name="us-east-1")
    try:
        answer = getattr(client, method)(**arguments)
    except client.exceptions.ClientError as error:
        answer = {"Error": error.response["Error"]}
    print(json.dumps(answer, default=plain), flush=True)
