-- What the leading Overlord answers: workers, tasks, and (druid.api_supervisor) supervisors.

local audit = require "druid.audit"
local http = require "druid.http"
local settings = require "druid.settings"
local supervisors = require "druid.api_supervisor"
local tables = require "lib.tables"
local tasks = require "druid.tasks"

local M = {}

local ROOT = "^/druid/indexer/v1/(.+)$"
local EPOCH = "1970-01-01T00:00:00.000Z"
local KNOWN_TYPES = { noop = true, index = true, index_parallel = true, index_kafka = true, index_kinesis = true,
  compact = true, kill = true, query_controller = true, query_worker = true, single_phase_sub_task = true }

local function time(ms)
  return ms and (clock.rfc3339(ms // 1000):gsub("Z$", string.format(".%03dZ", ms % 1000))) or EPOCH
end
M.time = time

-- Workers -------------------------------------------------------------------------------------------

local function hidden(view, id)
  return settings.fault(view.faults, "hiddenTask") == id
end

local function running_on(view, worker)
  local ids = json.array{}
  for _, id in ipairs(worker.tasks) do
    if not hidden(view, id) then ids[#ids + 1] = id end
  end
  return ids
end

local function last_completed(view, process)
  local last = 0
  for _, task in pairs(view.state.tasks) do
    if task.worker == process.pod and task.endMs then last = math.max(last, task.endMs) end
  end
  return time(last > 0 and last or process.started_ms)
end

local function workers(view)
  if tasks.are_jobs(view) then return http.error(500, "Task Runner does not support worker listing") end
  local list = json.array{}
  for i, worker in ipairs(tasks.workers(view)) do
    local process, ids = worker.process, running_on(view, worker)
    list[i] = { worker = { scheme = process.plain and "http" or "https", host = process.name, ip = process.ip,
        capacity = worker.capacity, version = worker.enabled and "0" or "", category = worker.category },
      currCapacityUsed = #ids, currParallelIndexCapacityUsed = 0, availabilityGroups = json.array{},
      runningTasks = ids, lastCompletedTaskTime = last_completed(view, process), blacklistedUntil = json.null }
  end
  return http.json(list)
end

local function switch(view, host, what)
  for _, worker in ipairs(tasks.workers(view)) do
    if worker.process.name == host then
      tasks.set_enabled(view, worker.process, what == "enable")
      return http.json{ [host] = what .. "d" }
    end
  end
  return http.error(500, "Worker on host " .. host .. " does not exists")
end

-- As observed: an unknown type is taken, and wipes the strategy.
local function worker_config(view, request)
  if request.method == "GET" then
    local config = view.state.dynamic.worker
    return config and http.json(config) or http.empty()
  end
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if type(body) ~= "table" then return http.html(500, "Server Error") end
  local strategy = body.type == "default" and body.selectStrategy or json.null
  if strategy ~= json.null then
    strategy = tables.shallow(strategy)
    strategy.affinityConfig = strategy.affinityConfig or json.null
    strategy.taskLimits = strategy.taskLimits or { maxSlotCountByType = json.object{}, maxSlotRatioByType = json.object{} }
  end
  view.state.dynamic.worker = { type = "default", selectStrategy = strategy, autoScaler = body.autoScaler or json.null }
  audit.note(view, "worker.config", "worker.config", request.body, request)
  return http.empty()
end

local function answer_worker(view, parts, request)
  if parts[2] == "history" then return audit.answer(view, "worker.config", nil, http.query(request.query)) end
  if parts[3] == "disable" or parts[3] == "enable" then
    return request.method == "POST" and switch(view, parts[2], parts[3]) or http.empty(405)
  end
  return worker_config(view, request)
end

local function capacity(view)
  local all, used = 0, 0
  for _, worker in ipairs(tasks.workers(view)) do
    all, used = all + worker.capacity, used + #worker.tasks
  end
  return http.json{ currentClusterCapacity = all, maximumCapacityWithAutoScale = -1, usedClusterCapacity = used }
end

-- Tasks ---------------------------------------------------------------------------------------------

local function status_of(view, id)
  local task = view.state.tasks[id]
  local code = task.state == "PENDING" and "RUNNING" or task.state
  local host = task.host and task.host:match("^(.*):%d+$")
  local on = task.state == "RUNNING" and host
  return { id = id, groupId = task.supervisor and task.type .. "_" .. task.supervisor or id, type = task.type,
    createdTime = time(task.createdMs), queueInsertionTime = EPOCH, statusCode = code, status = code,
    runnerStatusCode = tasks.is_over(task) and "NONE" or task.state,
    duration = task.endMs and task.endMs - (task.startMs or task.createdMs) or -1,
    location = { host = on or json.null, port = on and task.port or -1, tlsPort = -1 }, dataSource = task.ds,
    errorMsg = task.error or json.null }
end

local STATES = { running = "RUNNING", pending = "PENDING", waiting = "WAITING" }

local function matches(task, state)
  if state == nil then return true end
  if state == "complete" then return tasks.is_over(task) end
  return task.state == STATES[state]
end

local function list(view, state, query)
  local out = json.array{}
  for _, id in ipairs(tasks.by_age(view)) do
    local task = view.state.tasks[id]
    if matches(task, state) and not hidden(view, id) and (not query.datasource or query.datasource == task.ds)
      and (not query.type or query.type == task.type) then
      out[#out + 1] = status_of(view, id)
    end
  end
  return http.json(out)
end

local function answer_tasks(view, _, request)
  local query = http.query(request.query)
  local state = query.state
  if state and state ~= "complete" and not STATES[state] then
    return http.text("Invalid task state[" .. state .. "]. Must be one of [pending, waiting, running, complete].", 400)
  end
  return list(view, state, query)
end

local function druid_error(status, code, message)
  return http.json({ error = "druidException", errorCode = code, persona = "USER", category = "INVALID_INPUT",
    errorMessage = message, context = json.object{} }, status)
end

local function submit(view, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if type(body) ~= "table" or not KNOWN_TYPES[body.type] then
    return http.error(400, "Could not resolve type id '" .. tostring(type(body) == "table" and body.type or body)
      .. "' as a subtype of `org.apache.druid.indexing.common.task.Task`")
  end
  local spec = json.copy(body)
  local inner = (body.spec or {}).dataSchema or {}
  spec.dataSource = body.dataSource or inner.dataSource or "none"
  spec.id = body.id or body.type .. "_" .. spec.dataSource .. "_" .. random.suffix(8) .. "_"
    .. time(view.now_ms)
  if not tasks.submit(view, spec) then
    return druid_error(400, "entryAlreadyExists", "Task[" .. spec.id .. "] already exists")
  end
  return http.json{ task = spec.id }
end

local function one_task(view, id, what, request)
  local task = view.state.tasks[id]
  if not task then return http.text("Cannot find any task with id: [" .. id .. "]", 404) end
  if what == nil then return http.json{ task = id, payload = json.decode(task.payload) } end
  if what == "status" then return http.json{ task = id, status = status_of(view, id) } end
  if what == "shutdown" and request.method == "POST" then
    tasks.shutdown(view, id)
    return http.json{ task = id }
  end
  if what == "log" then return http.text("The task " .. id .. " lives in a sandbox and has no log.\n") end
  if what == "reports" and task.state == "SUCCESS" then
    return http.json{ ingestionStatsAndErrors = { taskId = id, type = "ingestionStatsAndErrors", payload = {
      ingestionState = "COMPLETED", errorMsg = json.null, segmentAvailabilityConfirmed = false } } }
  end
  return http.text("No task reports were found for this task. The task may not exist, or it may not have completed yet.",
    404)
end

local function answer_task(view, parts, request)
  if parts[2] then return one_task(view, parts[2], parts[3], request) end
  return request.method == "POST" and submit(view, request) or http.empty(405)
end

local function task_status(view, _, request)
  local body, refusal = http.body(request)
  if body == nil then return refusal end
  if #body == 0 then return http.text("No Task IDs provided.", 400) end
  local out = json.object{}
  for _, id in ipairs(body) do
    if view.state.tasks[id] then
      local status = status_of(view, id)
      out[id] = { id = id, status = status.status, duration = status.duration, errorMsg = status.errorMsg,
        location = status.location }
    end
  end
  return http.json(out)
end

local function answer_datasources(view, parts, request)
  if request.method ~= "POST" or parts[3] ~= "shutdownAllTasks" then return http.empty(200) end
  local found = false
  for id, task in pairs(view.state.tasks) do
    if task.ds == parts[2] and not tasks.is_over(task) then
      tasks.shutdown(view, id)
      found = true
    end
  end
  return found and http.json{ dataSource = parts[2] } or http.empty(404)
end

-- Paths ---------------------------------------------------------------------------------------------

local PLACES = {
  workers = workers,
  worker = answer_worker,
  totalWorkerCapacity = capacity,
  scaling = function() return http.empty() end,
  tasks = answer_tasks,
  task = answer_task,
  taskStatus = task_status,
  datasources = answer_datasources,
  supervisor = supervisors.answer,
  pendingSegments = function() return http.json{ numDeleted = 0 } end,
}
for name, state in pairs{ runningTasks = "running", pendingTasks = "pending", waitingTasks = "waiting",
  completeTasks = "complete" } do
  PLACES[name] = function(view, _, request) return list(view, state, http.query(request.query)) end
end

function M.answer(view, process, request)
  local rest = (process.type == "overlord" or process.merged) and request.path:match(ROOT)
  if not rest then return nil end
  local parts = http.parts(rest)
  local place = PLACES[parts[1]]
  return place and place(view, parts, request) or nil
end

return M
