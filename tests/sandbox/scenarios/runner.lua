-- Runs the scenario that the setting names: a namespace of its own, an operator, and nothing left behind.
local overlay = require "overlay"
local setting = require "setting"
local scenario = require(setting.scenario)
local w = require "world"

local M = {}

function M.title()
  return scenario.title
end

local function clean(ctx)
  local overlays = kube.read_list{ apiVersion = "v1", kind = "ConfigMap", namespace = setting.policy_namespace,
    labels = "nemeton.dev/policies=team" }
  for _, map in ipairs(overlays or {}) do ctx.delete(map) end
  for _, kind in ipairs{ w.DRUID.kind, "DruidIngestion" } do
    for _, object in ipairs(kube.read_list{ apiVersion = w.DRUID.apiVersion, kind = kind,
      namespace = setting.namespace } or {}) do ctx.delete(object) end
  end
  for _, kind in ipairs{ w.DRUID.kind, "DruidIngestion" } do
    for _ = 1, 1200 do
      local left = kube.read_list{ apiVersion = w.DRUID.apiVersion, kind = kind, namespace = setting.namespace }
      if left and #left == 0 then break end
      ctx.sleep(50)
    end
  end
  w.operator("stop-all")
  ctx.delete{ apiVersion = "v1", kind = "Namespace", name = setting.namespace }
end

-- The world comes to rest, and what it has become is remembered (tests/sandbox/driver/end_state.h).
local function settle(ctx)
  ctx.sleep(180000)
  w.operator("settled")
end

function M.run(ctx)
  local _, err = ctx.create{ apiVersion = "v1", kind = "Namespace", metadata = { name = setting.namespace } }
  if err and err.code ~= "exists" then error("create the namespace: " .. err.message) end
  if overlay.module then
    w.check(ctx.create(w.overlay("overlay", { [overlay.module .. ".lua"] = overlay.text })))
  end
  w.operator("start")
  if overlay.module then
    w.overlay_answer(ctx, "overlay", "loaded", 30)
  end
  local held, why = pcall(scenario.run, ctx)
  if held and setting.settles then
    held, why = pcall(settle, ctx)
  end
  local cleaned, trouble = pcall(clean, ctx)
  if not held then error(why, 0) end
  if not cleaned then error("cleaning up: " .. tostring(trouble), 0) end
end

return M
