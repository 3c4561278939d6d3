// The basin that a request's host names, `BASIN.DOMAIN`, where the server is told its domain. Pure.

/** The label before `domain` (in lower case, without a dot in front) in a host, whose port is of no concern; undefined where the host
 * is not below the domain. Whether it is a basin's name is for the caller to see. */
export function basinOfHost(host: string | undefined, domain: string | undefined): string | undefined {
  if (host === undefined || domain === undefined) return undefined;
  const name = host.replace(/:[0-9]+$/, "").toLowerCase();
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}
