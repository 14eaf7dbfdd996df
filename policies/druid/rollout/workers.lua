-- Asks the Overlord and the workers themselves, and tells them what to do: the effects of druid.middlemanager.
--
-- The flag of a worker is set at the worker itself; through the Overlord when that gives no answer. Nothing
-- here counts on having been done: the next look sees it, and it is said again.

local client = require "druid.client"
local overlord = require "druid.client.overlord"
local process = require "druid.client.process"
local queryable = require "druid.rollout.queryable"

local M = {}

M.comment = "nemeton: the worker is replaced or removed"

local memories = {}   -- uid of a pod = what is remembered of it, at most until this process ends

function M.memory(pod)
  memories[pod.uid] = memories[pod.uid] or {}
  return memories[pod.uid]
end

function M.forget(pod)
  memories[pod.uid] = nil
end

local function pod_of(druid, row)
  for _, pod in ipairs(client.pods(druid)) do
    if pod.metadata.uid == row.uid then
      return pod
    end
  end
  return nil
end

-- A worker that answers 500 to everybody: its Overlord runs tasks without workers.
local function lists_none(err)
  return err.status == 500 and (err.excerpt or ""):find("worker listing", 1, true) ~= nil
end

-- Facts for druid.middlemanager, each asked once when it is looked at. The second value says how asking went:
-- { err = the first error, answered = anybody has answered }.
function M.facts(druid)
  local known, trouble = {}, {}
  local function once(key, fetch)
    if not known[key] then
      local value, err = fetch()
      if value ~= nil or (err and lists_none(err)) then
        trouble.answered = true
      elseif err and err.code ~= "busy" then
        trouble.err = trouble.err or err
      end
      known[key] = { value = value, err = err }
    end
    return known[key].value, known[key].err
  end
  local function workers()
    return once("workers", function()
      local list, err = overlord.workers(druid)
      if type(list) ~= "table" then
        return nil, err
      end
      local rows = {}
      for i, worker in ipairs(list) do
        rows[i] = { host = worker.worker.host, tasks = worker.runningTasks or {}, disabled = worker.worker.version == "" }
      end
      return rows
    end)
  end
  local function ask(row, what, call)
    return once(what .. row.uid, function()
      local pod = pod_of(druid, row)
      if not pod then
        return nil, nil
      end
      return call(druid, pod)
    end)
  end
  local facts = {
    enabled = function(row) return (ask(row, "enabled", process.is_worker_enabled)) end,
    tasks = function(row)
      local list = ask(row, "tasks", process.worker_tasks)
      return type(list) == "table" and list or nil
    end,
    worker = function(row) return queryable.server_of(workers(), row) end,
    status = function(id)
      return (once("status " .. id, function()
        local status, err = overlord.task_status(druid, id)
        if status then
          -- A task that has a place to run and does not run yet says so here alone.
          return status.runnerStatusCode == "PENDING" and "PENDING" or status.statusCode or status.status
        end
        return err.code == "not_found" and "gone" or nil, err
      end))
    end,
  }
  setmetatable(facts, { __index = function(_, name)
    if name == "overlord" then
      local list, err = workers()
      if list then
        return "yes"
      end
      return err and lists_none(err) and "none" or "no"
    end
    return nil
  end })
  return facts, trouble
end

-- Streaming tasks among the given are asked to publish now: { [supervisor] = { group, … } }.
local function groups_of(druid, tasks)
  local by_supervisor = {}
  for _, id in ipairs(tasks) do
    local payload = overlord.task_payload(druid, id)
    local config = type(payload) == "table" and type(payload.ioConfig) == "table" and payload.ioConfig or {}
    if config.taskGroupId then
      local name = payload.supervisorId or payload.dataSource
      by_supervisor[name] = by_supervisor[name] or {}
      table.insert(by_supervisor[name], config.taskGroupId)
    end
  end
  return by_supervisor
end

-- Carries out what druid.middlemanager asks for. Gives the first error; the next run says it again.
function M.call(druid, call)
  if call.op == "hand_off" then
    for name, groups in pairs(groups_of(druid, call.tasks)) do
      overlord.hand_off(druid, name, groups, M.comment)   -- best effort, and unknown before 31
    end
    return nil
  end
  local pod = pod_of(druid, call.pod)
  local done, err
  if pod then
    done, err = process[call.op .. "_worker"](druid, pod, M.comment)
  end
  if not done and call.host then
    done, err = overlord[call.op .. "_worker"](druid, call.host, M.comment)
  end
  return not done and err or nil
end

return M
