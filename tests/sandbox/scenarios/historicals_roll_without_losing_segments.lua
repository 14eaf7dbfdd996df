local w = require "world"
local M = { title = "two Historicals with everything twice are updated, and no segment is ever away" }

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  w.make_model(ctx)
  local druid = w.deploy(ctx, nil, function(d)
    d.spec.druidTimeout = nil
    d.spec.nodes.historicals.replicas, d.spec.nodes.brokers.replicas = 2, 2
  end)
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
  w.equal(w.model("status").worst, 0, "segments that were away before")
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
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
end

return M
