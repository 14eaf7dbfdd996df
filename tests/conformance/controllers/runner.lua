-- Plays the situations of one file, one after the other, in a namespace of their own, and marks in the
-- trace where each begins and ends. No operator runs.
local setting = require "setting"
local situations = require(setting.scenario)
local w = require "world"

local M = {}

function M.title()
  return situations.title
end

-- What is left goes before the next begins, so that nothing of it is in its trace.
local function clean(ctx)
  for _, kind in ipairs(w.KINDS) do
    for _, object in ipairs(w.list(kind)) do
      if object.metadata.finalizers then
        ctx.patch(object, { metadata = { finalizers = json.null } })
      end
      ctx.delete(object, { propagation = "Background" })
    end
  end
  w.wait(ctx, "all objects are gone", 60, function()
    local left = {}
    for _, kind in ipairs(w.KINDS) do
      for _, object in ipairs(w.list(kind)) do left[#left + 1] = kind .. " " .. object.metadata.name end
    end
    return #left == 0, table.concat(left, ", ")
  end)
end

function M.run(ctx)
  w.wait(ctx, "the namespace is there, and not one that goes", 60, function()
    local made, err = ctx.create{ apiVersion = "v1", kind = "Namespace", metadata = { name = setting.namespace } }
    return made, err and err.message
  end)
  w.world("trace/" .. setting.namespace)
  ctx.sleep(1000)
  for _, situation in ipairs(situations) do
    clean(ctx)
    ctx.sleep(w.QUIET_MS)
    w.world("mark/situation " .. situation[1])
    local held, why = pcall(situation[2], ctx)
    w.world("mark/end")
    if not held then error(situation[1] .. ": " .. tostring(why), 0) end
  end
  clean(ctx)
  ctx.delete{ apiVersion = "v1", kind = "Namespace", name = setting.namespace }
end

return M
