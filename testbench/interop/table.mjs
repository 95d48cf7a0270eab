// A table of cases: one line each on standard output, which interop_test.go makes tests of.
import { createInterface } from 'node:readline';

let failed = 0;

// test runs a case, which may take so many seconds, and reports it. Cases run one after another.
export async function test(name, run, seconds = 30) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('took too long')), seconds * 1000); });
  try {
    await Promise.race([run(), late]);
    console.log(`ok ${name}`);
  } catch (err) {
    failed++;
    console.log(`not ok ${name}: ${String(err.stack ?? err).replaceAll('\n', ' | ')}`);
  } finally {
    clearTimeout(timer);
  }
}

export function finish() {
  process.exit(failed ? 1 : 0);
}

let answers;

// ask has the test that runs this script do something with our gateways, and returns its answer.
export async function ask(verb, args = {}) {
  answers ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(`ask ${verb} ${JSON.stringify(args)}`);
  const { value } = await answers.next();
  const { error, answer } = JSON.parse(value);
  if (error) throw new Error(`${verb}: ${error}`);
  return answer;
}
