-- Supervisors and the streaming tasks they keep running. Pure: changes view.state only.
--
-- Each task group has one task a replica, which reads for taskDuration and then publishes; its successor
-- starts when it begins to publish. Handing a group off, suspending and terminating make them publish now.

local tasks = require "druid.tasks"
local tables = require "lib.tables"

local M = {}

M.FAILURES = 3       -- of the last tasks, and the supervisor is unhealthy

local function publish_ms(view)
  return math.floor(view.settings.publish * 1000)
end

-- The supervisor of a spec as Druid understands it: id, kind, how many tasks.
function M.describe(spec)
  local inner = spec.spec or spec
  local schema, io = inner.dataSchema or spec.dataSchema or {}, inner.ioConfig or spec.ioConfig or {}
  local ds = schema.dataSource or inner.dataSource or spec.dataSource or (spec.dataSources or {})[1]
  if spec.type == "autocompact" then return { id = "autocompact__" .. tostring(ds), ds = ds, count = 0, replicas = 0 } end
  if spec.type == "NoopSupervisorSpec" then return { id = spec.id, ds = ds, count = 0, replicas = 0 } end
  local duration = tostring(io.taskDuration or "PT1H")
  local hours, minutes, seconds = duration:match("PT(%d*)H"), duration:match("(%d+)M"), duration:match("(%d+)S")
  return { id = spec.id or ds, ds = ds, count = io.taskCount or 1, replicas = io.replicas or 1,
    duration_ms = ((tonumber(hours) or 0) * 3600 + (tonumber(minutes) or 0) * 60 + (tonumber(seconds) or 0)) * 1000,
    stream = io.topic or io.stream or ds }
end

function M.is_streaming(supervisor)
  return supervisor.type == "kafka" or supervisor.type == "kinesis" or supervisor.type == "rabbit"
end

-- Tasks of a supervisor that are not over, by age; reading ones only where asked.
function M.active(view, id, group, reading)
  local found = {}
  for _, task_id in ipairs(tasks.by_age(view)) do
    local task = view.state.tasks[task_id]
    if task.supervisor == id and not tasks.is_over(task) and (group == nil or task.group == group)
      and not (reading and task.publishing) then
      found[#found + 1] = task_id
    end
  end
  return found
end

-- Tasks stop reading and publish; what has not begun yet just goes.
function M.publish(view, ids)
  for _, id in ipairs(ids) do
    local task = view.state.tasks[id]
    if task.state == "RUNNING" and not task.publishing then
      task.publishing = true
      task.runMs = math.max(0, view.now_ms + publish_ms(view) - task.startMs)
    elseif task.state == "PENDING" then
      view.state.tasks[id] = nil
    end
  end
end

local function next_id(id, supervisor)
  supervisor.made = (supervisor.made or 0) + 1
  local hash = string.format("%08x", digest.fnv1_32(id .. " " .. supervisor.made))
  return "index_" .. supervisor.type .. "_" .. id .. "_" .. hash .. "_" .. supervisor.made
end

local function start(view, id, supervisor, group)
  local task_id = next_id(id, supervisor)
  tasks.submit(view, { id = task_id, type = "index_" .. supervisor.type, dataSource = supervisor.ds, supervisor = id,
    group = group, runTime = supervisor.durationMs + publish_ms(view), payload = { type = "index_" .. supervisor.type,
      id = task_id, groupId = "index_" .. supervisor.type .. "_" .. id, dataSource = supervisor.ds,
      supervisorId = id, ioConfig = { type = supervisor.type, taskGroupId = group } } })
end

-- The last tasks of the supervisor all failed.
local function fails(view, id)
  local failed = 0
  for _, task_id in ipairs(tasks.by_age(view)) do
    local task = view.state.tasks[task_id]
    if task.supervisor == id and task.state == "FAILED" then failed = failed + 1 end
    if task.supervisor == id and task.state == "SUCCESS" then failed = 0 end
  end
  return failed >= M.FAILURES
end

-- state, detailedState, healthy
function M.condition(view, id)
  local supervisor = view.state.supervisors[id]
  if not M.is_streaming(supervisor) then
    local state = supervisor.type == "autocompact" and "SCHEDULER_STOPPED" or "RUNNING"
    return state, state, true
  end
  if supervisor.suspended then return "SUSPENDED", "SUSPENDED", true end
  if fails(view, id) then return "UNHEALTHY_TASKS", "UNHEALTHY_TASKS", false end
  local leader = view.leaders.overlord
  if leader and view.now_ms < leader.announced_ms + 2000 then return "PENDING", "DISCOVERING_INITIAL_TASKS", true end
  if #M.active(view, id) == 0 then return "RUNNING", "CREATING_TASKS", true end
  return "RUNNING", "RUNNING", true
end

function M.put(view, spec)
  local what = M.describe(spec)
  local before = view.state.supervisors[what.id]
  if before then M.publish(view, M.active(view, what.id)) end
  view.state.supervisors[what.id] = { type = spec.type, ds = what.ds, count = what.count, replicas = what.replicas,
    durationMs = what.duration_ms, stream = what.stream, spec = json.encode(spec), made = before and before.made,
    suspended = spec.suspended == true }
  return what.id
end

local function keep(view, id, supervisor, at)
  for _, task_id in ipairs(M.active(view, id, nil, true)) do
    local task = view.state.tasks[task_id]
    local publish_at = task.startMs and task.startMs + supervisor.durationMs
    if publish_at and view.now_ms >= publish_at then task.publishing = true elseif publish_at then at(publish_at) end
  end
  for group = 0, supervisor.count - 1 do
    for _ = #M.active(view, id, group, true) + 1, supervisor.replicas do start(view, id, supervisor, group) end
  end
end

local function declared(view)
  for id, what in pairs(view.settings.supervisors) do
    if not view.state.supervisors[id] and not (view.state.status.terminated or {})[id] then
      view.state.supervisors[id] = { type = "kafka", ds = what.dataSource or id, count = what.taskCount or 1,
        replicas = what.replicas or 1, durationMs = math.floor((what.taskDuration or 3600) * 1000), stream = id,
        spec = json.encode{ type = "kafka", spec = { dataSchema = { dataSource = what.dataSource or id } } },
        suspended = false }
    end
  end
end

-- Before the tasks: what is started here is handed out there.
function M.advance(view, at)
  if not view.leaders.overlord then return end
  declared(view)
  for _, id in ipairs(tables.keys(view.state.supervisors)) do
    local supervisor = view.state.supervisors[id]
    if M.is_streaming(supervisor) and not supervisor.suspended then keep(view, id, supervisor, at) end
  end
end

return M
