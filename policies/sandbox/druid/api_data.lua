-- What the others answer: workers, Historicals, Brokers about themselves, and the model about itself.

local http = require "druid.http"
local segments = require "druid.segments"
local settings = require "druid.settings"
local tasks = require "druid.tasks"

local M = {}

local function worker_of(view, process)
  for _, worker in ipairs(tasks.workers(view)) do
    if worker.process.pod == process.pod then return worker end
  end
  return { process = process, enabled = true, tasks = {} } -- not announced yet
end

local function task_ids(view, worker)
  local ids = json.array{}
  for _, id in ipairs(worker.tasks) do
    if settings.fault(view.faults, "lostTask") ~= id then ids[#ids + 1] = id end
  end
  return ids
end

local WORKER = {
  ["GET enabled"] = function(view, process)
    return http.json{ [process.name] = worker_of(view, process).enabled }
  end,
  ["POST disable"] = function(view, process)
    tasks.set_enabled(view, process, false)
    return http.json{ [process.name] = "disabled" }
  end,
  ["POST enable"] = function(view, process)
    tasks.set_enabled(view, process, true)
    return http.json{ [process.name] = "enabled" }
  end,
  ["GET tasks"] = function(view, process) return http.json(task_ids(view, worker_of(view, process))) end,
}

-- A noop task that is told by its worker to stop goes on, as observed; others end.
local function worker(view, process, request, rest)
  local place = WORKER[request.method .. " " .. rest]
  if place then return place(view, process) end
  local id, what = rest:match("^task/([^/]+)/(%a+)$")
  if what == "shutdown" and request.method == "POST" then
    local task = view.state.tasks[http.decode(id)]
    if task and task.type ~= "noop" then tasks.shutdown(view, http.decode(id)) end
    return http.json{ task = http.decode(id) }
  end
  if what == "log" then return http.empty(404) end
  if rest == "disable" or rest == "enable" or rest == "enabled" or rest == "tasks" then return http.empty(405) end
  return http.empty(404)
end

local function model(view)
  local status = view.state.status
  return http.json{ unavailable = segments.unavailable(view), worst = status.worst or 0, worstAt = status.worstAt or "",
    whole = status.whole == true }
end

function M.answer(view, process, request)
  local path = request.path
  if path == "/model/unavailable" then return model(view) end
  local rest = path:match("^/druid/worker/v1/(.+)$")
  if rest and (process.type == "middleManager" or process.type == "indexer") then
    return worker(view, process, request, rest)
  end
  if process.type == "historical" and path == "/druid/historical/v1/loadstatus" then
    return http.json{ cacheInitialized = process.announced }
  end
  if process.type == "historical" and path == "/druid/historical/v1/readiness" then
    return http.empty(process.announced and 200 or 503)
  end
  if process.type == "broker" and path == "/druid/broker/v1/loadstatus" then
    return http.json{ inventoryInitialized = process.announced }
  end
  if process.type == "broker" and path == "/druid/broker/v1/readiness" then
    return http.empty(process.announced and 200 or 503)
  end
  return nil
end

return M
