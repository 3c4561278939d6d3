// How servers are shown in every plot.
import type { ServerName } from "../servers/server.ts";

export const SERVERS: readonly { readonly server: ServerName; readonly name: string; readonly colour: string }[] = [
  { server: "tailrace", name: "Tailrace", colour: "#1f6feb" },
  { server: "s2-lite", name: "S2 Lite", colour: "#cf222e" },
];
