local w = require "world"
local M = { title = "seventy clusters whose Druid hangs delay no other one" }

local HUNG = 70   -- more than runs that the operator has under way at a time

local function small(name)
  local druid = w.cluster(name)
  local coordinators = druid.spec.nodes.coordinators
  coordinators.dynamicConfig = { maxSegmentsToMove = 7 }
  druid.spec.nodes = { coordinators = coordinators }
  return druid
end

local function config_of(name)
  local map = w.read("v1", "ConfigMap", name .. "-druid-common-config")
  return map and map.data["common.runtime.properties"] or ""
end

function M.run(ctx)
  if w.mode ~= "virtual" or w.patience > 1 then return end   -- seventy clusters take real time, lost answers more
  w.deploy(ctx)
  for i = 1, HUNG do
    w.check(ctx.create(small("h" .. i)))
  end
  w.wait(ctx, "all have a model of Druid", 300, function()
    for i = 1, HUNG do
      if not w.read("v1", "ConfigMap", "h" .. i .. "-druid-model") then return false, "h" .. i end
    end
    return true
  end)
  ctx.sleep(60000)   -- until the leaders of all are known, and nothing is on its way
  for i = 1, HUNG do
    w.write_model(ctx, "faults", "- {type: coordinator, answer: hang}\n", "h" .. i)
  end
  -- All want to ask at once, and again and again.
  for round = 1, 2 do
    for i = 1, HUNG do
      w.check(ctx.patch(w.druid("h" .. i), { spec = { nodes = { coordinators = { dynamicConfig = {
        maxSegmentsToMove = 10 * round } } } } }))
    end
    local text = "druid.round=" .. round
    w.check(ctx.patch(w.druid(), { spec = { ["common.runtime.properties"] = text } }))
    local began = clock.now_ms()
    w.wait(ctx, "the other one is changed, round " .. round, 30, function()
      return config_of("tiny"):find(text, 1, true) ~= nil
    end)
    local took = clock.now_ms() - began
    w.equal(took <= 2000 or took, true, "ms until the other one was changed, round " .. round)
    ctx.sleep(3000)
  end
end

return M
