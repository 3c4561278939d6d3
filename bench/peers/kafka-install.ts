// Kafka and its usual Node client, fetched once by Maven and npm into a directory of the user's: too large to be a dependency of the project.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { outputOf } from "./process.ts";

export const KAFKA_VERSION = "4.1.0";
const CLIENT_VERSION = "2.2.4";
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies";
const INSTALL_DEADLINE_MS = 300_000;

export interface KafkaInstallation {
  /** For java's -cp. */
  readonly classPath: string;
  /** Where `kafkajs` is found. */
  readonly clientDirectory: string;
}

/** A string says why there is none. */
export function installKafka(): KafkaInstallation | string {
  if (outputOf("java", ["-version"]) === undefined) return "Kafka: java is not on the PATH";
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const directory = join(cache, "tailrace-bench", `kafka-${KAFKA_VERSION}-kafkajs-${CLIENT_VERSION}`);
  if (!existsSync(directory)) {
    const failure = fetchInto(directory);
    if (failure !== undefined) return `Kafka: ${failure}`;
  }
  return { classPath: join(directory, "jars", "*"), clientDirectory: directory };
}

/** Whole or not at all: it is made beside, and renamed when all is there. */
function fetchInto(directory: string): string | undefined {
  const partial = `${directory}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const pom = join(partial, "pom.xml");
  writeFileSync(pom, POM);
  writeFileSync(join(partial, "package.json"), '{ "private": true }\n');
  console.log(`installing Kafka ${KAFKA_VERSION} and kafkajs ${CLIENT_VERSION} into ${directory}`);
  const jars = `-DoutputDirectory=${join(partial, "jars")}`;
  const failure =
    attempt("mvn", ["-q", "-B", "-f", pom, COPY, "-DincludeScope=runtime", jars]) ??
    attempt("npm", [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "--prefix",
      partial,
      `kafkajs@${CLIENT_VERSION}`,
    ]);
  if (failure === undefined) renameSync(partial, directory);
  else rmSync(partial, { recursive: true });
  return failure;
}

function attempt(command: string, args: readonly string[]): string | undefined {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: INSTALL_DEADLINE_MS,
  });
  if (status === 0) return undefined;
  if (error !== undefined) return `${command} could not be run (${error.message})`;
  const said = `${stdout}${stderr}`.trim().split("\n")[0] ?? "";
  return `${command} could not install it: ${said}`;
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tailrace</groupId>
  <artifactId>bench-kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;
