// Has an unmodified client make the calls that standard input lists:
// `node send.cjs PACKAGE URL KEY`, and JSON, `[[call, message], …]`.
//
// Ends when every call was answered, and prints what the client said of failures.

"use strict";

const [name, url, key] = process.argv.slice(2);
const calls = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const complaints = [];

async function segment({ Analytics }) {
  const client = new Analytics({ writeKey: key, host: url });
  client.on("error", ({ code, reason }) => complaints.push(`${code}: ${reason}`));
  const answers = calls.map(([call, message]) => {
    return new Promise((resolve) => client[call](message, resolve));
  });
  await client.closeAndFlush();
  await Promise.all(answers);
}

async function rudderstack(Analytics) {
  const errorHandler = ({ response, code }) => complaints.push(response?.data?.message ?? code);
  const client = new Analytics(key, { dataPlaneUrl: url, errorHandler });
  let waiting = calls.length;
  for (const [call, message] of calls) client[call](message, () => waiting--);
  while (waiting) {
    await client.flush(); // one batch, whose calls are told a turn later
    await new Promise(setImmediate);
  }
}

const send = { "@segment/analytics-node": segment, "@rudderstack/rudder-sdk-node": rudderstack };
send[name](require(name)).then(() => console.log(JSON.stringify(complaints)));
