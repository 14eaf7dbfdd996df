local w = require "world"
local M = { title = "a crash loop is told with the last lines of its log, each group by itself, and gone when it is corrected" }

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

-- Events that say that a group is stuck, with what helps.
local function told_stuck(group)
  local list = {}
  for _, event in ipairs(w.events("DruidNodeErrorState")) do
    if event.note:find("^" .. group .. " is stuck: ") and event.note:find("; correct the properties or JVM options", 1, true) then
      list[#list + 1] = event
    end
  end
  return list
end

local function crash_router(ctx, code)
  w.check(ctx.patch(w.target("v1", "Pod", "druid-tiny-routers-0"), { metadata = { annotations = {
    ["sandbox.nemeton.dev/crashes"] = code, ["sandbox.nemeton.dev/log"] = FATAL } } }))
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
  -- Another group, beside it.
  crash_router(ctx, "1")
  w.wait(ctx, "the second group is told, too", 300, function() return w.dies or #told_stuck("routers") == 1 end)
  w.wait(ctx, "the condition names it", 60, function()
    message = stuck() or ""
    return message:find("^brokers is stuck: .*; stuck, too: routers$") ~= nil, message
  end)
  ctx.sleep(w.mode == "virtual" and 120000 or 3000)
  for _, group in ipairs{ "brokers", "routers" } do
    local list = told_stuck(group)
    local times = (list[1] and list[1].series or { count = 1 }).count
    if #list ~= 1 and not w.dies and w.patience == 1 or #list > 2 or times > 1 and w.patience == 1 then
      error(group .. " was told " .. #list .. " times, " .. times)
    end
  end
  crash_router(ctx, json.null)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { brokers = { podAnnotations = json.null } } } }))
  w.wait(ctx, "the corrected cluster is Ready", 600, function() return w.is_ready() end)
end

return M
