# Python 3, no packages. Run: CALLBACK_AUTH=live_auth_... python3 receiver.py 8000
import hmac, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EXPECTED = os.environ["CALLBACK_AUTH"].encode()

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        sent = self.headers.get("scale-callback-auth", "").encode()
        if not hmac.compare_digest(sent, EXPECTED):
            self.send_error(401, "not from Ringback")
            return
        result = json.loads(body)
        print(result["task_id"], result["status"], flush=True)
        self.send_response(200)
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
