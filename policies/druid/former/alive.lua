-- Looks whether the operator before us still works on a cluster: two that write the same objects undo each
-- other's work for ever.
--
-- It is looked for only where it has left its mark: a workload that is not ours yet, or another object that bears
-- its annotation (again). It is alive while its Lease is renewed, and for `fresh_s` after the last time it wrote
-- anything of the cluster (managedFields), twice as long each time that it wrote again after it seemed to be gone.
-- Until then nothing is written but the status. To take over at once, set the annotation nemeton.dev/adopt: now on
-- the Druid object.

local names = require "druid.names"
local owner = require "lib.owner"
local tables = require "lib.tables"
local takeover = require "druid.takeover"
local world = require "druid.world"

local M = {}

M.fresh_s, M.fresh_s_max = 60, 3600
M.lease = "^e6946145%."   -- its Lease, in whatever namespace it runs
M.again_s = 10            -- between looks at a Lease that is renewed

-- The time of its last write to an object that was read from the server, or nil.
function M.written(object)
  local last, text
  for _, entry in ipairs(object.metadata.managedFields or {}) do
    if takeover.managers[entry.manager] and entry.operation == "Update" and entry.time then
      local at = clock.parse(entry.time)
      if at and (not last or at > last) then
        last, text = at, entry.time
      end
    end
  end
  return last, text
end

-- leases: all that could be read. Words and the seconds until the next look, or nil.
function M.leader(leases, now)
  for _, lease in ipairs(leases) do
    local spec = lease.spec or {}
    -- "2026-01-31T10:20:30.123456Z"
    local renewed = spec.renewTime and clock.parse((spec.renewTime:gsub("%.%d+", "")))
    local length = spec.leaseDurationSeconds or 15
    local is_its = lease.metadata.name:find(M.lease) and tables.text(spec.holderIdentity)
    if is_its and renewed and now - renewed < 2 * length then
      return string.format("its Lease %s/%s is being renewed", lease.metadata.namespace, lease.metadata.name), M.again_s
    end
  end
  return nil
end

-- rows: objects of the cluster as read from the server, { kind =, object = } each. Words and the seconds until the
-- next look, or nil.
function M.writer(rows, now, fresh_s)
  fresh_s = fresh_s or M.fresh_s
  for _, row in ipairs(rows) do
    local at, text = M.written(row.object)
    if at and now - at < fresh_s then
      local words = string.format("it wrote %s %s at %s", row.kind, row.object.metadata.name, text)
      return words, math.max(at + fresh_s - now, 1)
    end
  end
  return nil
end

local known = {}   -- uid of the Druid object = { fresh_s =, gone = it seemed to be, so we wrote }

-- How long its last write counts for a cluster. is_there: whether it is, by what was seen now.
function M.patience(uid, is_there)
  local one = known[uid] or { fresh_s = M.fresh_s }
  if is_there and one.gone then
    one.fresh_s = math.min(2 * one.fresh_s, M.fresh_s_max)
  end
  one.gone = not is_there
  known[uid] = one
  return one.fresh_s
end

function M.forget(uid)
  known[uid or ""] = nil
end

-- Whether it has left a mark on what is there. wanted: the rendered cluster, or nil when only workloads count.
function M.left_marks(kube, wanted, live)
  for _, workload in pairs(live.workloads) do
    if takeover.is_foreign(workload) then
      return true
    end
  end
  if not wanted then
    return false
  end
  local objects = { wanted.common }
  for _, part in ipairs(wanted.groups) do
    objects[#objects + 1] = part.config
    tables.append(objects, part.services)
    tables.append(objects, part.extras)
  end
  return #takeover.marked(kube, objects) > 0
end

local function read_leases(kube, cluster)
  local kind = { apiVersion = "coordination.k8s.io/v1", kind = "Lease" }
  local list = kube.read_list(kind)
  if not list then
    kind.namespace = cluster.namespace   -- more may not be allowed
    list = kube.read_list(kind)
  end
  return list or {}
end

local function read_objects(kube, cluster)
  local list = {}
  local object = kube.read({ apiVersion = cluster.object.apiVersion, kind = cluster.object.kind,
    namespace = cluster.namespace, name = cluster.name })
  list[1] = object and { kind = cluster.object.kind, object = object }
  for _, kind in ipairs(world.kinds) do
    local found = kube.read_list({ apiVersion = kind.apiVersion, kind = kind.kind, namespace = cluster.namespace,
      labels = "app=druid,druid_cr=" .. cluster.name })
    for _, one in ipairs(found or {}) do
      if owner.controller_uid(one) == cluster.uid then
        list[#list + 1] = { kind = kind.kind, object = one }
      end
    end
  end
  return list
end

-- Words about the former operator and the seconds until the next look; nil when it is gone, or was never there. Notes in
-- live.unmarked that it has left nothing.
function M.look(kube, cluster, wanted, live)
  if tables.dig(cluster.object.metadata, "annotations", names.adopt) == "now" then
    return nil
  end
  live.unmarked = not M.left_marks(kube, wanted, live)
  if live.unmarked then
    return nil
  end
  local now = clock.now()
  local words, again_s = M.leader(read_leases(kube, cluster), now)
  if not words then
    local objects = read_objects(kube, cluster)
    local fresh_s = known[cluster.uid] and known[cluster.uid].fresh_s
    words, again_s = M.writer(objects, now, fresh_s)
    local longer = M.patience(cluster.uid, words ~= nil)
    if words and longer ~= fresh_s then
      words, again_s = M.writer(objects, now, longer)
    end
  end
  return words, again_s
end

-- The same for a cluster that is being deleted, of which nothing is rendered.
function M.look_at_workloads(kube, cluster)
  local live = { workloads = {} }
  for _, group in ipairs(cluster.groups) do
    live.workloads[group.name] = world.workload(kube, cluster, group)
  end
  return M.look(kube, cluster, nil, live)
end

return M
