-- Makes our own what the operator before us wrote, so that what leaves the Druid object leaves its objects.
--
-- The server remembers who set each field. A field that the former operator set, and that we no longer
-- send, would stay for ever. So its entries in managedFields become ours: for a workload in the moment it
-- restarts anyway (a field may go with it), for what belongs to it, at first sight. Objects that still are
-- the former operator's carry its annotation.

local observed = require "druid.observed"

local M = {}

M.mark = "druidOpResourceHash"
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

-- A JSON patch for an object read from the server (a plain table with managedFields); {} when there is
-- nothing to take over. Pure.
function M.patch(object)
  local kept, ours, theirs = {}, nil, nil
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    local whole = entry.subresource == nil or entry.subresource == ""
    if whole and entry.operation == "Update" and M.managers[entry.manager] then
      theirs = theirs and union(theirs, entry.fieldsV1) or entry.fieldsV1
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

-- The live objects of an entry that are to be taken over in this run.
function M.due(kube, entry)
  local list = {}
  if not entry.live or not observed.annotation(entry.live, M.mark) then
    return list
  end
  local function take(objects)
    for _, object in ipairs(objects) do
      local live = kube.get({ apiVersion = object.apiVersion, kind = object.kind,
        namespace = object.metadata.namespace, name = object.metadata.name })
      if live and observed.annotation(live, M.mark) then
        list[#list + 1] = live
      end
    end
  end
  take(entry.part.services)
  take(entry.part.extras)
  if entry.action == "go" then
    list[#list + 1] = entry.live
  end
  return list
end

-- Takes the objects of an entry over. true, or nil and an error.
function M.run(ctx, kube, entry)
  for _, live in ipairs(M.due(kube, entry)) do
    local fresh, err = kube.read({ apiVersion = live.apiVersion, kind = live.kind,
      namespace = live.metadata.namespace, name = live.metadata.name })
    if not fresh then
      return nil, err
    end
    local patch = M.patch(json.copy(fresh))
    if #patch > 0 then
      local _, failed = ctx.patch(live, patch, { type = "json" })
      if failed then
        return nil, failed
      end
    end
  end
  return true
end

return M
