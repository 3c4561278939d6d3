// The actor that looks after streams which age: founds again what has deleted itself, as whoever uses such a stream does.
import { ensureStream, getStream } from "../clients/operations.ts";
import { RepeatingActor, someSubject } from "./actor.ts";

export class Keeper extends RepeatingActor {
  protected async act(): Promise<void> {
    const { client } = this;
    const subject = someSubject(client, this.stage);
    this.doing = `keeping ${subject.name}`;
    const answer = await getStream(client, subject);
    subject.saw(answer);
    if (answer.kind === "not-found" || answer.kind === "deletion-pending" || client.chance.happens(0.2))
      await ensureStream(client, subject, subject.config);
  }
}
