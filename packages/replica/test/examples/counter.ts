import { createS2Log, type Machine, Replica } from "@tailrace/replica";

const counter: Machine<{ count: number }, number, number> = {
  name: "counter",
  version: 1,
  initial: () => ({ count: 0 }),
  encode: (add) => new TextEncoder().encode(String(add)),
  decode: (bytes) => Number(new TextDecoder().decode(bytes)),
  apply(state, add) {
    state.count += add;
    return state.count;
  },
};

export async function count(url: string): Promise<number> {
  const client = { accessToken: "any", endpoints: { account: url, basin: url } };
  const log = await createS2Log({ client, basin: "my-first-basin", stream: "counter" });
  const replica = await Replica.open(counter, { log });
  const { result, position } = await replica.propose(3);
  console.log(`${result} after ${position.seqNum}`);
  const count = await replica.read((state) => state.count);
  await replica.close();
  return count;
}
