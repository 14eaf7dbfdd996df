-- Calls to the leading Overlord: workers, tasks, supervisors. Each gives a value or nil, err (see
-- druid.client).

local client = require "druid.client"
local coordinator = require "druid.client.coordinator"

local M = {}

-- A supervisor stops before it is replaced or ended; with its stream away that takes Druid a minute and more.
M.stop_ms = 90000

local root = "/druid/indexer/v1"

local function get(druid, path, kind)
  return client.get(druid, "overlord", root .. path, kind)
end

local function post(druid, path, body, comment, kind, timeout_ms)
  return client.post(druid, "overlord", root .. path, body, comment, kind or "nothing", timeout_ms)
end

-- An unknown task or supervisor: 404, from old releases 400 with these words.
local function is_unknown(err)
  return err.code == "not_found" or err.code == "invalid" and (err.excerpt or ""):find("^Cannot find any") ~= nil
end

local function gone_is_done(done, err)
  if not done and is_unknown(err) then
    return true
  end
  return done, err
end

-- nil, err with err.code "not_found" for what is unknown.
local function known(value, err)
  if value == nil and is_unknown(err) then
    err.code = "not_found"
  end
  return value, err
end

-- The leader, as coordinator.leader gives it. (facts 5.1)
function M.leader(druid)
  return coordinator.leader(druid, "overlord")
end

-- Workers ---------------------------------------------------------------------------------------------

-- Workers: list of { worker = { host = "h:8091", capacity =, version =, category = }, currCapacityUsed =,
-- runningTasks = ids, blacklistedUntil = }. A disabled one has version "". err.status 500 when tasks run as
-- Kubernetes jobs. (facts 2)
function M.workers(druid)
  return get(druid, "/workers")
end

-- Stops or starts giving tasks to a worker "host:port", through the Overlord. (facts 2)
function M.disable_worker(druid, host, comment)
  return post(druid, "/worker/" .. host .. "/disable", nil, comment)
end

function M.enable_worker(druid, host, comment)
  return post(druid, "/worker/" .. host .. "/enable", nil, comment)
end

-- The dynamic configuration of workers; json.null when it was never set. (facts 2)
function M.worker_config(druid)
  return get(druid, "/worker", "maybe")
end

-- Replaces it whole. Druid takes an unknown type and loses the strategy by it: check first. (facts 2, real 3)
function M.set_worker_config(druid, config, comment)
  return post(druid, "/worker", config, comment)
end

-- Tasks -----------------------------------------------------------------------------------------------

-- Tasks in a state ("running", "pending", "waiting"): list of { id =, type =, statusCode =, location =,
-- dataSource =, … }. (facts 3)
function M.tasks(druid, state)
  return get(druid, "/tasks?state=" .. state)
end

function M.running_tasks(druid)
  return M.tasks(druid, "running")
end

-- { id =, statusCode = "RUNNING" | "SUCCESS" | "FAILED", runnerStatusCode =, duration =, errorMsg =,
-- location =, … }; err.code "not_found". (facts 3)
function M.task_status(druid, id)
  local answer, err = known(get(druid, "/task/" .. client.escape(id) .. "/status"))
  if not answer then
    return nil, err
  end
  local status = answer.status
  if type(status) ~= "table" then
    return nil, { code = "not_found", message = "Druid knows no task " .. id }
  end
  return status
end

-- The task as it was submitted; err.code "not_found". (facts 3, 4)
function M.task_payload(druid, id)
  local answer, err = known(get(druid, "/task/" .. client.escape(id)))
  if not answer then
    return nil, err
  end
  return answer.payload
end

-- Submits a task; give it an id, so that the same one cannot be taken twice. Gives the id, and whether it was
-- there already. (facts 3)
function M.submit_task(druid, spec)
  local answer, err = client.post(druid, "overlord", root .. "/task", spec)
  if answer then
    return type(answer.task) == "string" and answer.task or spec.id, false
  end
  local said = err.excerpt or ""
  if err.code == "invalid" and spec.id and (said:find("already exists", 1, true) or said:find("EntryExists", 1, true)) then
    return spec.id, true
  end
  return nil, err
end

-- True also when it has ended or is unknown. (facts 3)
function M.shutdown_task(druid, id, comment)
  return gone_is_done(post(druid, "/task/" .. client.escape(id) .. "/shutdown", nil, comment))
end

-- Supervisors -----------------------------------------------------------------------------------------

-- All of them: list of { id =, state =, detailedState =, healthy =, suspended = }. (facts 4)
function M.supervisors(druid)
  return get(druid, "/supervisor?state=true")
end

-- The specification as Druid keeps it; err.code "not_found". (facts 4)
function M.supervisor(druid, id)
  return known(get(druid, "/supervisor/" .. client.escape(id)))
end

-- { dataSource =, state =, detailedState =, healthy =, suspended =, activeTasks =, recentErrors =, … }. (facts 4)
function M.supervisor_status(druid, id)
  local answer, err = known(get(druid, "/supervisor/" .. client.escape(id) .. "/status"))
  if not answer then
    return nil, err
  end
  return type(answer.payload) == "table" and answer.payload or {}
end

-- Creates or replaces: running tasks publish and new ones start, even for the same specification (from 33 on
-- not for an unchanged one). Gives the id. (facts 4)
function M.submit_supervisor(druid, spec, comment)
  local answer, err = post(druid, "/supervisor?skipRestartIfUnmodified=true", spec, comment, "json", M.stop_ms)
  if not answer then
    return nil, err
  end
  if type(answer.id) ~= "string" then
    return nil, { code = "failed", message = "Druid gave no id for the supervisor" }
  end
  return answer.id
end

-- True also when it is in that state already. (facts 4)
local function switch(druid, id, verb, comment)
  local done, err = post(druid, "/supervisor/" .. client.escape(id) .. "/" .. verb, nil, comment, nil, M.stop_ms)
  if not done and err.code == "invalid" and (err.excerpt or ""):find("already", 1, true) then
    return true
  end
  return known(done, err)
end

function M.suspend_supervisor(druid, id, comment)
  return switch(druid, id, "suspend", comment)
end

function M.resume_supervisor(druid, id, comment)
  return switch(druid, id, "resume", comment)
end

-- Ends it; what was read is published. True also when it is unknown. (facts 4)
function M.terminate_supervisor(druid, id, comment)
  return gone_is_done(post(druid, "/supervisor/" .. client.escape(id) .. "/terminate", nil, comment, nil, M.stop_ms))
end

-- Asks task groups to publish now and hand over, so that a worker drains early (31 and later; best effort).
-- groups: list of numbers. (facts 4)
function M.hand_off(druid, id, groups, comment)
  return post(druid, "/supervisor/" .. client.escape(id) .. "/taskGroups/handoff", { taskGroupIds = groups }, comment)
end

return M
