local w = require "world"
local M = { title = "the node of a Historical is lost in the middle of an update: the others stay until its pod is back" }

local NAME, HOLD = "druid-tiny-historicals", "example.com/node-is-lost"
local LOST = NAME .. "-0"

local function pods()
  local rows = {}
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. NAME)) do
    local ready = w.condition(pod, "Ready")
    rows[pod.metadata.name] = { uid = pod.metadata.uid, ending = pod.metadata.deletionTimestamp ~= nil,
      ready = ready and ready.status == "True", round = (pod.metadata.annotations or {}).round }
  end
  return rows
end

-- What becomes of a node that does not answer: its pod is told to end, and nobody ever says that it has.
local function lose(ctx)
  local pod = w.target("v1", "Pod", LOST)
  w.check(ctx.patch(pod, { metadata = { finalizers = { HOLD }, annotations = { ["sandbox.nemeton.dev/crashes"] = "1" } } }))
  w.check(ctx.delete(pod))
end

local function words()
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups or {}) do
    if group.name == "historicals" then return group.waitsFor or "" end
  end
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- minutes are minutes, and nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.historicals.replicas = 3
    druid.spec.nodes.historicals.podAnnotations = { round = "one" }
  end)
  w.wait(ctx, "all segments are there", 300, w.all_loaded)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { podAnnotations = { round = "two" } },
    routers = { podAnnotations = { round = "two" } } } } }))
  w.wait(ctx, "the first one is being replaced", 300, function()
    local row = pods()[NAME .. "-2"]
    return row and row.round == "two"
  end)
  -- It gets its segments back, and nobody knows yet: two Historicals at a time are more than the data stand.
  w.write_model(ctx, "faults", "- {emptyLoadstatus: true}\n")
  w.wait(ctx, "it is ready", 120, function() return pods()[NAME .. "-2"].ready end)
  ctx.sleep(30000)   -- the Coordinator has counted without it since, and it is given what it lacks
  w.wait(ctx, "its segments are there", 300, w.all_loaded)
  local middle = pods()[NAME .. "-1"].uid
  lose(ctx)
  w.write_model(ctx, "faults", "[]\n")

  -- Whatever the Coordinator counts by the servers that are left.
  for _ = 1, 60 do
    ctx.sleep(5000)
    local row = pods()[NAME .. "-1"]
    if not row or row.uid ~= middle or row.ending then error("another Historical went while one was lost") end
  end
  w.equal(words(), LOST .. " is being replaced", "what it waits for")
  w.equal(pods()[LOST].ending, true, "the pod on the lost node, which nobody forces away")
  w.equal(pods()[NAME .. "-2"].ready, true, "the one that was replaced before")

  -- The node is back, or somebody who knows says that it is not.
  w.check(ctx.patch(w.target("v1", "Pod", LOST), { metadata = { finalizers = json.null } }))
  w.wait(ctx, "the update is through", 900, function()
    local left = 3
    for _, row in pairs(pods()) do left = left - (row.ready and row.round == "two" and 1 or 0) end
    return left == 0 and w.is_ready()
  end)
  w.equal(w.read("apps/v1", "StatefulSet", "druid-tiny-routers").spec.template.metadata.annotations.round, "two",
    "the group that came after it")
  w.wait(ctx, "all segments are there", 300, w.all_loaded)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
end

return M
