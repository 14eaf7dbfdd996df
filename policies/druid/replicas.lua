-- Gives up the replica count of a workload when an autoscaler takes it over.
--
-- With server-side apply, leaving out a field that we own removes it, and the server would put 1 in
-- its place. So the ownership of spec.replicas goes first; after that it can be left out safely.

local names = require "druid.names"
local observed = require "druid.observed"

local M = {}

-- JSON patch that takes spec.replicas out of the applied fields of `manager`; {} when it is not there.
-- object: the live object with metadata.managedFields, a plain table. Pure.
function M.disown_patch(object, manager)
  for i, entry in ipairs(object.metadata.managedFields or {}) do
    local fields = entry.fieldsV1
    local spec = fields and fields["f:spec"]
    if entry.manager == manager and entry.operation == "Apply" and spec and spec["f:replicas"] then
      local at = "/metadata/managedFields/" .. (i - 1)
      return {
        { op = "test", path = "/metadata/resourceVersion", value = object.metadata.resourceVersion },
        { op = "test", path = at .. "/manager", value = manager },
        { op = "remove", path = at .. "/fieldsV1/f:spec/f:replicas" },
      }
    end
  end
  return {}
end

-- Does it for one live workload. true when the count is not ours (any more); nil, err otherwise.
function M.disown(ctx, kube, live)
  if not observed.annotation(live, names.owns_replicas) then
    return true
  end
  local metadata = live.metadata
  local fresh, err = kube.read({ apiVersion = live.apiVersion, kind = live.kind,
    namespace = metadata.namespace, name = metadata.name })
  if not fresh then
    return nil, err
  end
  local patch = M.disown_patch(json.copy(fresh), "nemeton")
  if #patch == 0 then
    return true
  end
  local done
  done, err = ctx.patch(live, patch, { type = "json" })
  return done and true or nil, err
end

return M
