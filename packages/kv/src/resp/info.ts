// INFO: figures of this server in the fields and sections that tools know from Redis, with what is this server's own beside them.
import type { Reply } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import { COMMANDS } from "../command/table.ts";
import { type LocalContext, REDIS_VERSION } from "./context.ts";

type Fields = Readonly<Record<string, string | number>>;

function server({ shared }: LocalContext): Fields {
  const uptimeSecs = Math.floor(process.uptime());
  return {
    redis_version: REDIS_VERSION,
    redis_mode: "standalone",
    tailrace_version: shared.options.version,
    process_id: process.pid,
    tcp_port: shared.port,
    uptime_in_seconds: uptimeSecs,
    uptime_in_days: Math.floor(uptimeSecs / 86_400),
  };
}

function clients({ shared }: LocalContext): Fields {
  return {
    connected_clients: shared.clients.size,
    maxclients: shared.maxClients,
    blocked_clients: shared.stats.blocked,
  };
}

/** Before the store has caught up there is nothing to tell of it. */
function memory({ store }: LocalContext): Fields {
  return {
    used_memory: store?.keyspace.bytes ?? 0,
    used_memory_rss: process.memoryUsage.rss(),
    maxmemory: store?.maxBytes ?? 0,
    maxmemory_policy: "noeviction",
  };
}

function persistence({ store }: LocalContext): Fields {
  return {
    loading: store === undefined ? 1 : 0,
    aof_enabled: 1,
    log_position: store?.replica.next ?? 0,
    log_connected: store === undefined || store.replica.disconnected !== undefined ? 0 : 1,
  };
}

function stats({ shared, store }: LocalContext): Fields {
  const { stats: counts } = shared;
  return {
    total_connections_received: counts.connections,
    total_commands_processed: counts.commands,
    total_net_input_bytes: counts.bytesIn,
    total_net_output_bytes: counts.bytesOut,
    rejected_connections: counts.rejected,
    client_output_buffer_limit_disconnections: counts.slowClients,
    pubsub_channels: store?.pubsub.channels().length ?? 0,
    pubsub_patterns: store?.pubsub.patterns ?? 0,
    commands_known: COMMANDS.size,
  };
}

function replication(): Fields {
  return { role: "master", connected_slaves: 0 };
}

function keyspace({ store }: LocalContext): Fields {
  const keys = store?.keyspace.size ?? 0;
  return keys === 0 ? {} : { db0: `keys=${keys},expires=${store.keyspace.expiring},avg_ttl=0` };
}

const SECTIONS: Readonly<Record<string, (context: LocalContext) => Fields>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: stats,
  Replication: replication,
  Keyspace: keyspace,
};

const ALL = ["all", "default", "everything"];

export function infoText(context: LocalContext, asked: Arguments): Reply {
  const wanted = asked.map((section) => section.toLowerCase());
  const all = wanted.length === 0 || wanted.some((section) => ALL.includes(section));
  const sections = Object.entries(SECTIONS).filter(([name]) => all || wanted.includes(name.toLowerCase()));
  const text = sections.map(([name, fields]) => {
    const lines = Object.entries(fields(context)).map(([field, value]) => `${field}:${value}\r\n`);
    return `# ${name}\r\n${lines.join("")}`;
  });
  return { kind: "verbatim", text: text.join("\r\n") };
}
