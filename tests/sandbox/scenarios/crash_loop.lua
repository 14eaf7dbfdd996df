local w = require "world"
local M = { title = "a crash loop is told with the last lines of its log, and gone when it is corrected" }

local FATAL = "com.google.inject.ProvisionException: no such extension: druid-nowhere"

local function stuck()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local condition = druid and w.condition(druid, "Degraded")
  return condition and condition.status == "True" and condition.reason == "Stuck" and condition.message,
    condition and condition.message
end

local function told()
  for _, event in ipairs(w.events("DruidNodeErrorState")) do
    if event.note:find("no such extension: druid-nowhere", 1, true) then return true end
  end
  return false
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nothing runs on simulated nodes
  w.deploy(ctx)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = { ["sandbox.nemeton.dev/crashes"] = "1",
    ["sandbox.nemeton.dev/log"] = "2026-01-01T00:00:00,000 INFO [main] x.Main - password=hunter2\n" .. FATAL
      .. "\n\tat x.Main.run(Main.java:1)" } } } } }))
  local message = w.wait(ctx, "the crash loop is diagnosed", 300, stuck)
  if not message:find("CrashLoopBackOff (Error, exit code 1, ", 1, true) or not message:find(FATAL, 1, true)
    or not message:find("correct the properties or JVM options", 1, true) then error(message) end
  if message:find("hunter2", 1, true) or message:find("Main.java", 1, true) then error(message) end
  w.wait(ctx, "an event says it", 60, told)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = json.null } } } }))
  w.wait(ctx, "the corrected cluster is Ready", 600, function() return w.is_ready() end)
end

return M
