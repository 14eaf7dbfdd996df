-- Tasks and the workers they run on. Pure: works on a view (druid.front) and changes view.state only.
--
-- A worker that comes back is a new one: enabled, and without its tasks, unless it restores them (its
-- configuration, the kind of task, and the same claims). A worker that stays away loses its tasks after
-- CLEANUP_MS. Tasks of finished batches stay in the list, the last KEPT of them.

local settings = require "druid.settings"
local tables = require "lib.tables"

local M = {}

M.CLEANUP_MS = 15 * 60 * 1000
M.KEPT = 50
M.DISAPPEARED = "This task disappeared on the worker where it was assigned. See overlord logs for more details."
M.CATEGORY = "_default_worker_category"

function M.is_over(task)
  return task.state == "SUCCESS" or task.state == "FAILED"
end

-- Workers that are announced, in order: { process, record, capacity, enabled, tasks = ids }.
function M.workers(view)
  local list, by_pod = {}, {}
  for _, process in ipairs(view.processes) do
    if process.announced and (process.type == "middleManager" or process.type == "indexer") then
      local record = view.state.workers[process.pod]
      local worker = { process = process, tasks = {},
        enabled = not (record and record.uid == process.uid and record.disabled),
        capacity = math.tointeger(tonumber(process.property("druid.worker.capacity"))) or 2,
        category = process.property("druid.worker.category") or M.CATEGORY }
      list[#list + 1], by_pod[process.pod] = worker, worker
    end
  end
  for _, id in ipairs(tables.keys(view.state.tasks)) do
    local task = view.state.tasks[id]
    local worker = task.state == "RUNNING" and by_pod[task.worker]
    if worker and task.workerUid == worker.process.uid then table.insert(worker.tasks, id) end
  end
  return list
end

function M.set_enabled(view, process, enabled)
  view.state.workers[process.pod] = { uid = process.uid, disabled = not enabled }
end

-- Takes a new task in. Gives the task, or nil when the id is taken.
function M.submit(view, spec)
  local id = spec.id
  if view.state.tasks[id] then return nil end
  local run_ms = spec.runTime or (spec.type == "noop" and 2500) or 10000
  view.state.tasks[id] = { type = spec.type, ds = spec.dataSource or "none", state = "PENDING",
    createdMs = view.now_ms, runMs = math.floor(run_ms), supervisor = spec.supervisor, group = spec.group,
    payload = json.encode(spec.payload or spec) }
  return view.state.tasks[id]
end

local function finish(view, task, state, why)
  task.state, task.endMs, task.error = state, view.now_ms, why
end
M.finish = finish

-- Stops a task by hand: what shutdown does.
function M.shutdown(view, id)
  local task = view.state.tasks[id]
  if task and not M.is_over(task) then finish(view, task, "FAILED", "Shutdown request from user") end
end

-- Does the worker take up again what this task did, after a restart?
local function restores(task, process)
  return task.supervisor ~= nil and process.volumes ~= "" and task.volumes == process.volumes
    and process.property("druid.indexer.task.restoreTasksOnRestart") == "true"
    and task.host == process.name
end

-- The tasks of this Overlord are Jobs of Kubernetes: they need no worker, and no worker can take them along.
function M.are_jobs(view)
  local leader = view.leaders.overlord
  return leader ~= nil and leader.property("druid.indexer.runner.type") == "k8s"
end

local function follow(view, id, task, at)
  if not task.worker then
    local end_ms = task.startMs + task.runMs
    if view.now_ms >= end_ms then finish(view, task, "SUCCESS") else at(end_ms) end
    return
  end
  local process = view.by_pod[task.worker]
  if process and process.uid == task.workerUid then
    task.lostMs = nil
    if settings.fault(view.faults, "lostTask") == id then return end
    local end_ms = task.startMs + task.runMs
    if view.now_ms >= end_ms then finish(view, task, "SUCCESS") else at(end_ms) end
  elseif process and process.announced then
    if restores(task, process) then
      task.workerUid, task.lostMs = process.uid, nil
      at(task.startMs + task.runMs)
    else
      finish(view, task, "FAILED", M.DISAPPEARED)
    end
  else
    task.lostMs = task.lostMs or view.now_ms
    if view.now_ms >= task.lostMs + M.CLEANUP_MS then
      finish(view, task, "FAILED", "Canceled for worker cleanup. See overlord logs for more details.")
    else
      at(task.lostMs + M.CLEANUP_MS)
    end
  end
end

local function fills(view)
  local config = view.state.dynamic.worker
  local strategy = config and config.selectStrategy ~= json.null and config.selectStrategy
  return strategy and strategy.type and strategy.type:find("^fillCapacity") ~= nil
end

-- The enabled worker with the most free slots, or the fewest where the strategy says so.
local function choose(view, workers)
  local best, best_free
  for _, worker in ipairs(workers) do
    local free = worker.capacity - #worker.tasks
    if worker.enabled and free > 0 and (not best or (fills(view) and free < best_free)
      or (not fills(view) and free > best_free)) then
      best, best_free = worker, free
    end
  end
  return best
end

local function free_port(view, pod)
  local taken = {}
  for _, task in pairs(view.state.tasks) do
    if task.state == "RUNNING" and task.worker == pod then taken[task.port] = true end
  end
  local port = 8100
  while taken[port] do port = port + 1 end
  return port
end

local function by_age(view, state)
  local ids = {}
  for _, id in ipairs(tables.keys(view.state.tasks)) do
    if not state or view.state.tasks[id].state == state then ids[#ids + 1] = id end
  end
  table.sort(ids, function(a, b) return view.state.tasks[a].createdMs < view.state.tasks[b].createdMs end)
  return ids
end
M.by_age = by_age

local function assign(view, at)
  local workers = M.workers(view)
  for _, id in ipairs(by_age(view, "PENDING")) do
    local task = view.state.tasks[id]
    local due = task.createdMs + math.floor(view.settings.poll * 1000)
    local worker = view.now_ms >= due and choose(view, workers)
    if view.now_ms >= due and M.are_jobs(view) then
      task.state, task.startMs = "RUNNING", view.now_ms
      at(task.startMs + task.runMs)
    elseif worker then
      local process = worker.process
      task.port = free_port(view, process.pod)
      task.state, task.startMs, task.worker, task.workerUid = "RUNNING", view.now_ms, process.pod, process.uid
      task.host, task.volumes = process.name, process.volumes
      table.insert(worker.tasks, id)
      at(task.startMs + task.runMs)
    elseif view.now_ms < due then
      at(due)
    end
  end
end

local function forget(view)
  local over = {}
  for _, id in ipairs(by_age(view)) do
    if M.is_over(view.state.tasks[id]) then over[#over + 1] = id end
  end
  for i = 1, #over - M.KEPT do view.state.tasks[over[i]] = nil end
end

-- Without a leader nothing is noticed and nothing is handed out.
function M.advance(view, at)
  for pod, record in pairs(view.state.workers) do
    local process = view.by_pod[pod]
    if process and process.running and process.uid ~= record.uid then view.state.workers[pod] = nil end
  end
  if not view.leaders.overlord then return end
  for _, id in ipairs(by_age(view, "RUNNING")) do follow(view, id, view.state.tasks[id], at) end
  assign(view, at)
  forget(view)
end

return M
