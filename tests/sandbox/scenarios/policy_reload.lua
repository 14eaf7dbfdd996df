local w = require "world"
local M = { title = "an overlay changes the order at once; a bad one changes nothing and is told where it fails" }

local ORDER = [[
local rollout = require "base.druid.rollout"
rollout.order = { "router", "broker", "historical", "middleManager", "indexer", "overlord", "coordinator" }
return rollout
]]

local BAD = {
  { "syntax", "return {\n  order = = 1\n}\n", "druid.rollout" },
  { "endless", "while true do end\nreturn {}\n", "" },
  { "memory", "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100000) .. i end return t\n", "" },
  { "wrong-type", "return 42\n", "druid.rollout" },
  { "missing-module", "return require 'no.such.module'\n", "no.such.module" },
}

function M.run(ctx)
  local druid = w.deploy(ctx)
  for _, bad in ipairs(BAD) do
    local name = "bad-" .. bad[1]
    w.check(ctx.create(w.overlay(name, { ["druid.rollout.lua"] = bad[2] })))
    local text = w.overlay_answer(ctx, name, "error", 30)
    w.check(text:find(bad[3], 1, true), "the error of " .. name .. " names the place: " .. text)
    w.check(ctx.delete(w.overlay_target(name)))
  end
  w.check(w.is_ready(), "the cluster is untouched")

  w.check(ctx.create(w.overlay("order", { ["druid.rollout.lua"] = ORDER })))
  w.overlay_answer(ctx, "order", "loaded")
  local order = w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = { podAnnotations = { changed = "once" } } }))
  end)
  w.equal(order, { "router", "broker", "historical", "middleManager", "overlord", "coordinator" }, "order of the overlay")
  w.check(ctx.delete(w.overlay_target("order")))
end

return M
