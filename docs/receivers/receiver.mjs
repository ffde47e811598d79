// Node 18 or later, no packages. Run: CALLBACK_AUTH=live_auth_... node receiver.mjs 8000
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const digest = (text) => createHash("sha256").update(text).digest();
const expected = digest(process.env.CALLBACK_AUTH);

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = request.headers["scale-callback-auth"] ?? "";
  if (!timingSafeEqual(digest(sent), expected)) {
    response.writeHead(401).end("not from Ringback\n");
    return;
  }
  const result = JSON.parse(Buffer.concat(chunks));
  console.log(result.task_id, result.status);
  response.writeHead(200).end();
}).listen(Number(process.argv[2]), "127.0.0.1");
