// A program as people have it for Twilio: sends, reads back, lists, and is told what cannot be.
// Checks signatures of what the gateway posted, and writes TwiML. The last line of its output is one JSON object.
const twilio = require("twilio");

const { base, sid, token, from, to, post } = JSON.parse(process.argv[2]);
const client = twilio(sid, token);
for (const domain of [client.api, client.messaging, client.lookups]) domain.baseUrl = base;

async function main() {
  const made = await client.messages.create({ from, to, body: "from node, Grüße 👋" });
  const read = await client.messages(made.sid).fetch();
  const list = await client.messages.list({ to, limit: 5 });
  const error = await client.messages.create({ from, to: "nonsense", body: "x" }).catch((reason) => reason);
  const response = new twilio.twiml.MessagingResponse();
  response.message("<one> & 'two' 👋");
  return {
    sid: made.sid,
    status: made.status,
    body: read.body,
    listed: list.map((message) => message.sid),
    code: error.code,
    http: error.status,
    valid: twilio.validateRequest(token, post.signature, post.url, post.fields),
    forged: twilio.validateRequest(token, post.signature, post.url, { ...post.fields, Body: "other" }),
    twiml: response.toString(),
  };
}

main().then((found) => console.log(JSON.stringify(found)));
