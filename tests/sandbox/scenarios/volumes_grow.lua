local w = require "world"
local M = { title = "volumes of a group that crashes grow, each template for itself, and one that may not stops no other" }

local SET, OTHER = "druid-tiny-historicals", "druid-tiny-brokers"
local SIZES = { cache = "1Gi", logs = "1Gi", spare = "2Gi" }
local CLASSES = { logs = "rigid" }   -- a class that lets nothing grow

local function node_of(names, sizes)
  local node = { volumeClaimTemplates = json.array{}, volumeMounts = json.array{} }
  for i, name in ipairs(names) do
    node.volumeClaimTemplates[i] = { metadata = { name = name }, spec = { accessModes = { "ReadWriteOnce" },
      storageClassName = CLASSES[name] or "standard", resources = { requests = { storage = sizes[name] } } } }
    node.volumeMounts[i] = { name = name, mountPath = "/druid/" .. name }
  end
  return node
end

local function historicals(sizes) return node_of({ "cache", "logs", "spare" }, sizes) end

local function with_volumes(druid)
  for key, more in pairs{ historicals = historicals(SIZES), brokers = node_of({ "heap" }, { heap = "1Gi" }) } do
    for field, value in pairs(more) do druid.spec.nodes[key][field] = value end
  end
  druid.spec.nodes.historicals.replicas = 2
  druid.spec.scalePvcSts = true
end

local function sizes_of(set)
  local sizes = {}
  for _, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "nodeSpecUniqueStr=" .. set)) do
    sizes[#sizes + 1] = claim.metadata.name:match("^%a+") .. " " .. claim.spec.resources.requests.storage
  end
  return table.concat(sizes, ", ")
end

local function templates_of(set)
  local live, sizes = w.read("apps/v1", "StatefulSet", set), {}
  for i, template in ipairs(live and live.spec.volumeClaimTemplates or {}) do
    sizes[i] = template.metadata.name .. " " .. template.spec.resources.requests.storage
  end
  return table.concat(sizes, ", "), live and live.metadata.uid
end

local function pods()
  local uids = {}
  for i, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. SET)) do uids[i] = pod.metadata.uid end
  return table.concat(uids, " ")
end

local function crash(ctx, code)
  w.check(ctx.patch(w.target("v1", "Pod", SET .. "-0"),
    { metadata = { annotations = { ["sandbox.nemeton.dev/crashes"] = code or json.null } } }))
  w.wait(ctx, "the pod has changed", 60, function()
    local ready = w.condition(w.read("v1", "Pod", SET .. "-0"), "Ready")
    return ready and (ready.status == "True") == (code == nil)
  end)
end

local function group()
  for _, one in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups or {}) do
    if one.name == "historicals" then return one end
  end
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- a pod crashes when it is told to
  w.deploy(ctx, nil, with_volumes)
  local before, _, uid = pods(), templates_of(SET)
  crash(ctx, "28")
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = historicals{ cache = "2Gi", logs = "2Gi", spare = "1Gi" },
    brokers = node_of({ "heap" }, { heap = "2Gi" }) } } }))
  w.wait(ctx, "what may grow has grown", 60, function()
    local sizes = sizes_of(SET)
    return sizes == "cache 2Gi, cache 2Gi, logs 1Gi, logs 1Gi, spare 2Gi, spare 2Gi", sizes
  end)
  w.wait(ctx, "so have the volumes and the templates of another group", 60, function()
    local templates = templates_of(OTHER)
    return sizes_of(OTHER) == "heap 2Gi" and templates == "heap 2Gi", templates
  end)
  local templates, now = templates_of(SET)
  w.equal({ templates, now, pods() }, { "cache 1Gi, logs 1Gi, spare 2Gi", uid, before }, "the group that crashes")
  w.wait(ctx, "what stays as it is is told", 60, function()
    local kept = w.condition(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny"), "FieldsKept")
    local note = group().note or ""
    return kept and kept.reason == "VolumesCannotShrink" and note:find("logs-" .. SET .. "-0 does not grow", 1, true), note
  end)
  crash(ctx)
  local possible = historicals{ cache = "2Gi", logs = "1Gi", spare = "2Gi" }
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = possible } } }))
  w.wait(ctx, "the set has its new templates", 120, function()
    templates, now = templates_of(SET)
    return templates == "cache 2Gi, logs 1Gi, spare 2Gi" and now ~= uid and w.is_ready()
  end)
  w.equal(pods(), before, "the pods")
end

return M
