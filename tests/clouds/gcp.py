"""Google Cloud Storage on loopback: gcp-storage-emulator, and before it what it lacks.

The emulator knows objects, but neither who may read them nor how a bucket is listed in XML;
and nobody emulates IAM Credentials. Those parts are here, as Google documents them: tokens
that an account signs for itself are checked, tokens for another account are given to whom
that one has granted them, signed URLs are checked with the account's public key.

Prints its port and the operator's key. Then, for each line of standard input, `[command,
arguments...]`, does it and prints what came of it. Ends with standard input.
"""

import base64
import hashlib
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gcp_storage_emulator.server import create_server

OPERATOR = "gateway@operator.iam.gserviceaccount.com"
IAM = re.compile(r"/v1/projects/-/serviceAccounts/([^:/]+):(generateAccessToken|signBlob)")

operator_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
account_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
granted = set()

emulator = create_server("127.0.0.1", 0, in_memory=True)
emulator.start()
BEHIND = "http://127.0.0.1:%d" % emulator._api._httpd.server_address[1]


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_operator(token):
    """Whether the operator has signed this for IAM Credentials, not long ago."""
    head, claims, signature = token.split(".")
    text = f"{head}.{claims}".encode()
    try:
        key = operator_key.public_key()
        key.verify(unpadded(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    claims = json.loads(unpadded(claims))
    now = time.time()
    return (
        claims["iss"] == claims["sub"] == OPERATOR
        and claims["aud"] == "https://iamcredentials.googleapis.com/"
        and claims["iat"] <= now + 5
        and now < claims["exp"] <= claims["iat"] + 3600
    )


def is_signed(method, url):
    """Whether the account has signed this URL (V4): for Google's own host, whatever the place."""
    pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
    query = dict(pairs)
    signature = bytes.fromhex(query.pop("X-Goog-Signature"))
    quote = lambda text: urllib.parse.quote(text, safe="")
    canonical = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(query.items()))
    request = [method, url.path, canonical, "host:storage.googleapis.com\n", "host", "UNSIGNED-PAYLOAD"]
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    scope = query["X-Goog-Credential"].split("/", 1)[1]
    text = "\n".join(["GOOG4-RSA-SHA256", query["X-Goog-Date"], scope, digest])
    try:
        key = account_key.public_key()
        key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return int(query["X-Goog-Expires"]) <= 604800


def behind(method, path, body=None, headers={}):
    """The emulator's answer."""
    request = urllib.request.Request(BEHIND + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def xml_error(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size)
        url = urllib.parse.urlsplit(self.path)
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        if match := IAM.fullmatch(url.path):
            return self.iam(match, token, json.loads(body))
        account = token.removeprefix("token-of-")
        query = urllib.parse.parse_qs(url.query)
        signed = "X-Goog-Signature" in query
        if signed and not is_signed(self.command, url):
            return self.reply(403, xml_error("SignatureDoesNotMatch"))
        if not signed and account not in granted:
            return self.reply(401, xml_error("AuthenticationRequired"))
        bucket, _, key = url.path.lstrip("/").partition("/")
        if behind("GET", f"/storage/v1/b/{bucket}")[0] == 404:
            return self.reply(404, xml_error("NoSuchBucket"))
        if not key:
            return self.list(bucket)
        headers = {"content-type": "application/octet-stream"}
        path = f"/{bucket}/{urllib.parse.unquote(key)}"
        path = urllib.parse.quote(path)
        status, _, answer = behind(self.command, path, body or None, headers)
        if status == 404:
            return self.reply(404, xml_error("NoSuchKey"))
        headers = {"etag": '"1"', "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
        return self.reply(status, answer, headers)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve

    def iam(self, match, token, body):
        account, verb = match.groups()
        if not is_operator(token):
            error = {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
            return self.reply(401, json.dumps(error).encode())
        if account not in granted:
            error = {"error": {"code": 403, "status": "PERMISSION_DENIED"}}
            return self.reply(403, json.dumps(error).encode())
        if verb == "generateAccessToken":
            assert body["scope"] == ["https://www.googleapis.com/auth/devstorage.read_write"]
            answer = {"accessToken": f"token-of-{account}", "expireTime": "2030-01-01T00:00:00Z"}
        else:
            payload = base64.b64decode(body["payload"])
            signature = account_key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
            answer = {"keyId": "1", "signedBlob": base64.b64encode(signature).decode()}
        return self.reply(200, json.dumps(answer).encode())

    def list(self, bucket):
        _, _, answer = behind("GET", f"/storage/v1/b/{bucket}/o")
        items = json.loads(answer).get("items", [])
        one = lambda it: (
            f"<Contents><Key>{escape(it['name'])}</Key><Size>{it['size']}</Size>"
            "<LastModified>2023-11-14T22:13:20.000Z</LastModified><ETag>\"1\"</ETag></Contents>"
        )
        contents = "".join(map(one, items))
        text = f"<?xml version='1.0'?><ListBucketResult>{contents}</ListBucketResult>"
        return self.reply(200, text.encode())


front = ThreadingHTTPServer(("127.0.0.1", 0), Front)
front.daemon_threads = True
threading.Thread(target=front.serve_forever, daemon=True).start()
pem = operator_key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
key_file = json.dumps({"type": "service_account", "client_email": OPERATOR, "private_key": pem})
print(json.dumps({"port": front.server_port, "key_file": key_file}), flush=True)

for line in sys.stdin:
    command, *arguments = json.loads(line)
    answer = None
    if command == "grant":
        granted.add(arguments[0])
    elif command == "revoke":
        granted.discard(arguments[0])
    elif command == "bucket":
        body = json.dumps({"name": arguments[0]}).encode()
        behind("POST", "/storage/v1/b", body, {"content-type": "application/json"})
    elif command == "put":
        bucket, key, text = arguments
        path = urllib.parse.quote(f"/{bucket}/{key}")
        behind("PUT", path, text.encode(), {"content-type": "text/plain"})
    elif command == "get":
        bucket, key = arguments
        answer = behind("GET", urllib.parse.quote(f"/{bucket}/{key}"))[2].decode()
    print(json.dumps(answer), flush=True)
emulator.stop()
