// What clients did to a stream, and whether what is there now can have come of it: nothing acknowledged lost, doubled,
// reordered or altered, nothing unknown half there, nothing there that nobody wrote. Pure.

/** A batch as a client saw it. Bodies are unique over the whole history. */
export interface Attempt {
  readonly bodies: readonly string[];
  /** The sequence number of its first record, if it was acknowledged; undefined when the outcome is unknown. */
  readonly acknowledgedAt: number | undefined;
  /** Refused with a promise that nothing happened. */
  readonly refused?: boolean;
}

export interface StoredRecord {
  readonly seqNum: number;
  readonly body: string;
}

/** Every violation, in words; empty when there is none. `records` is the whole stream from 0. */
export function violations(attempts: readonly Attempt[], records: readonly StoredRecord[]): string[] {
  const found: string[] = [];
  const at = new Map<string, number>();
  records.forEach((record, i) => {
    if (record.seqNum !== i) found.push(`record ${i} has sequence number ${record.seqNum}`);
    const before = at.get(record.body);
    if (before !== undefined) found.push(`"${record.body}" stands at ${before} and again at ${i}`);
    at.set(record.body, i);
  });
  for (const attempt of attempts) {
    const places = attempt.bodies.map((body) => at.get(body));
    for (const body of attempt.bodies) at.delete(body);
    const present = places.filter((place) => place !== undefined).length;
    const name = `the batch of "${attempt.bodies[0]}"`;
    if (present !== 0 && present !== places.length)
      found.push(`${name} is there in part: ${present} of ${places.length}`);
    if (places.some((place, i) => place !== undefined && place !== (places[0] ?? 0) + i))
      found.push(`${name} is not in one piece`);
    if (attempt.acknowledgedAt !== undefined) {
      if (present === 0) found.push(`${name} was acknowledged at ${attempt.acknowledgedAt} and is lost`);
      else if (places[0] !== attempt.acknowledgedAt)
        found.push(`${name} was acknowledged at ${attempt.acknowledgedAt} and stands at ${places[0]}`);
    }
    if (attempt.refused === true && present > 0) found.push(`${name} was refused and is there`);
  }
  for (const [body, place] of at) found.push(`"${body}" at ${place} was never written`);
  return found;
}
