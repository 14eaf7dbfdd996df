local w = require "world"
local M = { title = "keeps Druid's dynamic configuration: written once, put back, and never anything that is wrong" }

local function applied(reason)
  return function()
    local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
    local condition = druid and w.condition(druid, "DynamicConfigApplied")
    return condition and condition.reason == reason and condition.observedGeneration == druid.metadata.generation
      and druid, condition and condition.reason .. ": " .. condition.message
  end
end

local function writes(kind)
  local count = 0
  for _, entry in ipairs(w.model("dynamic").history or {}) do
    count = count + (entry.type == kind and 1 or 0)
  end
  return count
end

local function set(ctx, node, config)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [node] = { dynamicConfig = config } } } }))
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  w.deploy(ctx, nil, function(druid)
    druid.spec.nodes.coordinators.dynamicConfig = { maxSegmentsToMove = 7, replicantLifetime = "20" }
    druid.spec.nodes.middlemanagers.dynamicConfig = { selectStrategy = { type = "fillCapacity" } }
  end)
  w.wait(ctx, "it is applied", 180, applied("Applied"))
  local dynamic = w.model("dynamic")
  w.equal({ dynamic.coordinator.maxSegmentsToMove, dynamic.coordinator.replicantLifetime }, { 7, 20 }, "Coordinator")
  w.equal(dynamic.worker.selectStrategy.type, "fillCapacity", "workers")
  w.equal({ dynamic.history[1].author, dynamic.history[1].comment }, { "nemeton", "spec of the Druid object" }, "who")
  w.equal({ writes("coordinator.config"), writes("worker.config") }, { 1, 1 }, "writes")

  -- What is wrong is told and not sent: Druid would take it and lose its strategy.
  set(ctx, "middlemanagers", { type = "nope" })
  w.wait(ctx, "the wrong type is told", 30, applied("Invalid"))
  w.equal(w.model("dynamic").worker.selectStrategy.type, "fillCapacity", "workers")
  set(ctx, "middlemanagers", { type = json.null, selectStrategy = { type = "equalDistribution" } })
  w.wait(ctx, "the right one is applied", 60, applied("Applied"))
  w.equal(w.model("dynamic").worker.selectStrategy.type, "equalDistribution", "workers")

  if w.mode ~= "virtual" then return end   -- the rest takes its time
  -- Somebody else changes it.
  local changed = w.model("dynamic")
  changed.coordinator.maxSegmentsToMove = 99
  w.write_model(ctx, "dynamic", changed)
  w.wait(ctx, "it is put back", 700, function() return w.model("dynamic").coordinator.maxSegmentsToMove == 7 end)

  -- A Coordinator that hangs is waited for in silence.
  local before = #w.events("DruidAPIUpdateConfigsFailed")
  w.write_model(ctx, "faults", "- {type: coordinator, answer: hang}\n- {type: router, answer: hang}\n")
  set(ctx, "coordinators", { maxSegmentsToMove = 8 })
  ctx.sleep(60000)
  w.equal(#w.events("DruidAPIUpdateConfigsFailed"), before, "events of a silent Druid")
  w.write_model(ctx, "faults", "[]\n")
  w.wait(ctx, "it is applied after all", 300, function() return w.model("dynamic").coordinator.maxSegmentsToMove == 8 end)
end

return M
