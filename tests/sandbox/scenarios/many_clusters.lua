local w = require "world"
local M = { title = "one bad cluster among many delays none of them" }

function M.run(ctx)
  local bad = w.cluster("bad")
  bad.spec.image = nil
  for _, group in ipairs(w.groups(bad)) do bad.spec.nodes[group.key].image = nil end
  w.check(ctx.create(bad))
  for i = 1, 8 do w.check(ctx.create(w.cluster("c" .. i))) end
  w.wait(ctx, "eight clusters are Ready", 180, function()
    for i = 1, 8 do
      local ready, why = w.is_ready("c" .. i)
      if not ready then return false, "c" .. i .. ": " .. why end
    end
    return true
  end)
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "bad")
  w.equal(w.condition(druid, "Degraded").status, "True", "the bad one says so")
  w.equal(#w.list("apps/v1", "StatefulSet", "druid_cr=bad"), 0, "StatefulSets of the bad one")
end

return M
