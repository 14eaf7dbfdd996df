local w = require "world"
local M = { title = "two Historicals with everything twice are updated, and no segment is ever away" }

local MAP = "tiny-druid-model"

local function status()
  local map = w.read("v1", "ConfigMap", MAP)
  return map and map.data and map.data.status and yaml.decode(map.data.status) or {}
end

-- Everything is loaded, as often as it should be.
local function loaded()
  local said = status()
  local short = 0
  for _, sources in pairs((said.snapshot or {}).full or {}) do
    for _, count in pairs(sources) do short = short + count end
  end
  return said.whole == true and said.unavailable == 0 and said.snapshot ~= nil and short == 0, json.encode(said)
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  w.check(ctx.create{ apiVersion = "v1", kind = "ConfigMap", data = { settings = "version: \"\"\n" },
    metadata = { namespace = w.namespace, name = MAP, labels = { druid_cr = "tiny" } } })
  local druid = w.deploy(ctx, nil, function(d)
    d.spec.druidTimeout = nil
    d.spec.nodes.historicals.replicas, d.spec.nodes.brokers.replicas = 2, 2
  end)
  w.wait(ctx, "all segments are loaded twice", 300, loaded)
  w.equal(status().worst, 0, "segments that were away before")
  local waits = {}
  w.follow_rollout(ctx, druid, 900)(function()
    w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:99.0.0" } }))
    w.operator("kill")
    ctx.sleep(500)
    w.operator("start")
    w.wait(ctx, "a Historical loads", 300, function()
      local live = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
      for _, group in ipairs(live.status.groups) do
        if group.waitsFor then waits[#waits + 1] = group.waitsFor end
      end
      return live.status.message:find("waiting: druid%-tiny%-historicals%-1 ") ~= nil, live.status.message
    end)
  end)
  w.equal(status().worst, 0, "segments that were away at the worst")
  w.wait(ctx, "all segments are loaded twice", 300, loaded)
end

return M
