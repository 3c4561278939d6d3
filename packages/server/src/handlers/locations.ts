// Locations: list them, get and set the default (API: locations).
import type { Location } from "@tailrace/engine";
import { type ApiRequest, jsonReply, type Reply } from "../api-request.ts";
import type { Context } from "../context.ts";
import { parseJson, string } from "../json-shape.ts";
import { requireJson } from "../media.ts";
import { checkLocationName } from "../names.ts";

function locationJson(location: Location): object {
  return {
    name: location.name,
    is_private: location.isPrivate,
    storage_classes: location.storageClasses.map(({ name }) => name),
    default_storage_class: location.defaultStorageClass,
  };
}

export async function listLocations(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("list-locations");
  return jsonReply(200, (await context.engine.locations.list()).map(locationJson));
}

export async function getDefaultLocation(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("get-default-location");
  return jsonReply(200, locationJson(await context.engine.locations.getDefault()));
}

export async function setDefaultLocation(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("set-default-location");
  requireJson(request);
  const name = checkLocationName(string(parseJson(await request.readBody()), "location"));
  request.resource = name;
  return jsonReply(200, locationJson(await context.engine.locations.setDefault(name)));
}
