-- Makes our own what the operator before us wrote, so that what leaves the Druid object leaves its objects.
--
-- The server remembers who set each field. A field that the former operator set, and that we no longer
-- send, would stay for ever. So its entries in managedFields become ours at first sight. The pod template of a
-- workload is the exception: its fields become ours in the moment it restarts anyway (a field may go with it).
-- Objects that still are the former operator's carry its annotation; workloads keep that for its return, and
-- say by one of ours (names.former) that their template is not ours yet.

local adopt = require "druid.adopt"
local names = require "druid.names"
local observed = require "druid.observed"
local tables = require "lib.tables"

local M = {}

M.managers = { ["manager"] = true, ["druid-operator"] = true }   -- names it has written under
M.ours = "nemeton"

local function union(a, b)
  for key, part in pairs(b) do
    if a[key] == nil then
      a[key] = part
    else
      union(a[key], part)
    end
  end
  return a
end

-- Takes the fields `keep` (of the spec) out of a set of fields; gives what was taken out, or nil.
local function take_out(fields, keep)
  local spec, taken = fields["f:spec"], nil
  for _, name in ipairs(keep or {}) do
    local key = "f:" .. name
    if spec and spec[key] ~= nil then
      taken = taken or {}
      taken[key], spec[key] = spec[key], nil
    end
  end
  if taken and next(spec) == nil then
    fields["f:spec"] = nil
  end
  return taken and { ["f:spec"] = taken } or nil
end

-- A JSON patch for an object read from the server (a plain table with managedFields); {} when there is
-- nothing to take over. keep: fields of the spec that stay whose they are. Pure.
function M.patch(object, keep)
  local kept, ours, theirs = {}, nil, nil
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    local whole = entry.subresource == nil or entry.subresource == ""
    if whole and entry.operation == "Update" and M.managers[entry.manager] then
      local rest = take_out(entry.fieldsV1, keep)
      if rest then
        kept[#kept + 1] = { manager = entry.manager, operation = "Update", apiVersion = entry.apiVersion,
          fieldsType = "FieldsV1", time = entry.time, fieldsV1 = rest }
      end
      if next(entry.fieldsV1) ~= nil then
        theirs = theirs and union(theirs, entry.fieldsV1) or entry.fieldsV1
      end
    else
      kept[#kept + 1] = entry
      if whole and entry.operation == "Apply" and entry.manager == M.ours then
        ours = entry
      end
    end
  end
  if not theirs then
    return {}
  end
  if ours then
    ours.fieldsV1 = union(ours.fieldsV1, theirs)
  else
    kept[#kept + 1] = { manager = M.ours, operation = "Apply", apiVersion = object.apiVersion,
      fieldsType = "FieldsV1", fieldsV1 = theirs }
  end
  return {
    { op = "replace", path = "/metadata/resourceVersion", value = object.metadata.resourceVersion },
    { op = "replace", path = "/metadata/managedFields", value = kept },
  }
end

-- Made by the former operator and not taken over yet. live: a workload, or nil.
function M.is_foreign(live)
  return live ~= nil and observed.annotation(live, adopt.mark) ~= nil
    and observed.annotation(live, names.template_hash) == nil
end

-- Live objects, of those given, that the former operator has made or written last. Not for workloads.
function M.marked(kube, objects)
  local list = {}
  for _, object in ipairs(objects) do
    local live = kube.get({ apiVersion = object.apiVersion, kind = object.kind,
      namespace = object.metadata.namespace, name = object.metadata.name })
    if live and observed.annotation(live, adopt.mark) then
      list[#list + 1] = live
    end
  end
  return list
end

-- What belongs to an entry besides its workload, and is written in this run.
local function companions(entry)
  local list = {}
  if entry.action ~= "wait" then
    list[1] = entry.part.config
  end
  for _, objects in ipairs({ entry.part.services, entry.part.extras }) do
    for _, object in ipairs(objects or {}) do
      list[#list + 1] = object
    end
  end
  return list
end

-- Claims keep the former operator's mark (druid.adopt), so these are ours when we have written them once.
local function new_claims(kube, entry)
  local list = {}
  for _, live in ipairs(M.marked(kube, entry.part.claims or {})) do
    if not observed.annotation(live, names.applied) then
      list[#list + 1] = live
    end
  end
  return list
end

-- The live objects of an entry that are to be taken over in this run: { live =, keep = } each. unmarked: it is known that
-- the former operator has made nothing of what is written besides workloads.
function M.due(kube, entry, unmarked)
  local list = {}
  local marked = unmarked and {} or M.marked(kube, companions(entry))
  for _, live in ipairs(tables.concat(marked, new_claims(kube, entry))) do
    list[#list + 1] = { live = live }
  end
  local live = entry.live
  if not live then
    return list
  end
  local keep = {}
  if entry.workload.spec.replicas == nil then
    keep[1] = "replicas"   -- whoever sets them now does not do it through us
  end
  if entry.action == "go" and (M.is_foreign(live) or observed.annotation(live, names.former)) then
    list[#list + 1] = { live = live, keep = keep }
  elseif M.is_foreign(live) and entry.action == "keep" then
    keep[#keep + 1] = "template"
    list[#list + 1] = { live = live, keep = keep }
  end
  return list
end

-- Takes over one object. true, or nil and an error.
local function take(ctx, kube, live, keep)
  local fresh, err = kube.read({ apiVersion = live.apiVersion, kind = live.kind,
    namespace = live.metadata.namespace, name = live.metadata.name })
  if not fresh then
    return nil, err
  end
  local patch = M.patch(json.copy(fresh), keep)
  if #patch > 0 then
    local _, failed = ctx.patch(live, patch, { type = "json" })
    if failed then
      return nil, failed
    end
  end
  return true
end

-- Takes over what is written in this run: of the entries, and `common`, or nil. unmarked: see M.due. true, or nil and an
-- error.
function M.run(ctx, kube, entries, common, unmarked)
  for _, live in ipairs(common and not unmarked and M.marked(kube, { common }) or {}) do
    local taken, err = take(ctx, kube, live)
    if not taken then
      return nil, err
    end
  end
  for _, entry in ipairs(entries) do
    for _, due in ipairs(M.due(kube, entry, unmarked)) do
      local taken, err = take(ctx, kube, due.live, due.keep)
      if not taken then
        return nil, err
      end
    end
  end
  return true
end

return M
