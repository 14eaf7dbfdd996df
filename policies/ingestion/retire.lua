-- Ends what was submitted and is not wanted any more: after a change of the specification, and for good.

local answers = require "druid.client.answer"
local check = require "ingestion.check"
local client = require "druid.client"
local events = require "druid.events"
local groups = require "druid.groups"
local job_of = require "ingestion.job"
local overlord = require "druid.client.overlord"
local tables = require "lib.tables"
local task = require "ingestion.task"
local work = require "ingestion.work"

local M = {}

M.look_ms = 3000
M.release_s = 120     -- so long a Druid that does not answer holds up the deletion of the object
M.comment = "DruidIngestion"

-- Ends a task or supervisor. true when it has ended or will by itself not go on, false when it is about to end,
-- nil, err.
function M.stop(druid, kind, id, state)
  if kind == "supervisor" then
    return overlord.terminate_supervisor(druid, id, M.comment)
  end
  return task.stop(druid, id, state)
end

-- Makes room for the job: what was submitted before ends, unless it is replaced in place. False when the
-- work has to wait; it is said why then.
function M.earlier(w)
  local new, job = w.new, w.job
  local id, kind = tables.text(new.taskId), new.kind or job.kind
  if w.submitted or not id or (kind == "supervisor" and job.kind == kind and job.id == id) then
    return true
  elseif kind == "task" and job.kind == kind and job.id == id then
    work.fails(w, { code = "invalid", message = "Druid has had a task " .. id
      .. " already: give the changed specification another id, or none" }, "Update")
    return false
  end
  local ended, err = M.stop(w.druid, kind, id, new.state)
  if ended == nil then
    work.fails(w, err, "Update")
    return false
  elseif ended == false then
    work.is(w, "Pending", "Stops " .. kind .. " " .. id .. ": the specification has changed", M.look_ms)
    return false
  end
  if kind == "supervisor" then
    work.tell(w, "Normal", "SupervisorTerminated", "Terminated supervisor " .. id .. ": it is not asked for any more")
  end
  new.taskId, new.kind, new.state, new.suspended, new.unverified, new.attempt = nil, nil, nil, nil, nil, nil
  return true
end

-- What is to be ended for an object that goes: kind, id, state. Nothing recorded does not mean that nothing
-- was taken: the answer may have been lost.
local function last_work(druid, object, status)
  local id = tables.text(status.taskId)
  local job = #check.problems(object) == 0 and job_of.of(object, status.attempt) or nil
  if id then
    local kind = status.kind or job and job.kind or job_of.kinds[tables.dig(object.spec, "ingestion", "type") or ""]
    return kind or "task", id, status.state
  elseif job and job.kind == "task" and not job.own_id then
    return "task", job.id
  elseif job and job.kind == "supervisor" then
    local there, err = overlord.supervisor(druid, job.id)
    if there == nil and err.code ~= "not_found" then
      return nil, err
    end
    return type(there) == "table" and job_of.carries_marker(job, there) and "supervisor" or nil, job.id
  end
  return nil, nil
end

local function has_finalizer(object)
  for _, name in ipairs(object.metadata.finalizers or {}) do
    if name == job_of.finalizer then
      return true
    end
  end
  return false
end

local function release(ctx, kind, reason, message)
  ctx.event(events.event(kind, reason, message))
  local _, err = ctx.finalizer_remove(job_of.finalizer)
  return nil, err
end

-- The story of an object that is being deleted. cluster: its Druid object, or nil. The finalizer always goes:
-- at once when there is no Druid to ask, in the end when it does not answer.
function M.for_good(ctx, doors, object, cluster)
  if not has_finalizer(object) then
    return nil
  end
  local status = object.status or {}
  if not cluster or cluster.metadata.deletionTimestamp then
    return release(ctx, "Normal", "DruidIngestionControllerDeleteSuccess",
      "Nothing is to be stopped: the cluster " .. tostring(object.spec.druidCluster) .. " is gone")
  end
  local druid = client.open(doors, groups.cluster(cluster), { auth = object.spec.auth, share = 2 })
  local kind, id, state = last_work(druid, object, status)
  local ended, err = true, nil
  if kind then
    ended, err = M.stop(druid, kind, id, state)
  elseif type(id) == "table" then
    ended, err = nil, id
  end
  if ended ~= nil then
    return release(ctx, "Normal", "DruidIngestionControllerDeleteSuccess",
      kind and "Stopped " .. kind .. " " .. id or "Nothing is to be stopped")
  end
  local since = clock.parse(object.metadata.deletionTimestamp) or 0
  if clock.now() - since >= M.release_s then
    return release(ctx, "Warning", "DruidIngestionControllerDeleteFail", string.format(
      "Given up after %d s: %s. What was submitted may still run", M.release_s, err.message))
  end
  local text = "Deleting: Druid cannot be asked to stop it (" .. err.code .. ")"
  if not answers.passes(err) then
    text = "Deleting: " .. err.message
  end
  if status.message ~= text then
    local new = tables.merge(status, { phase = "Deleting", message = text })
    local written, failed = ctx.status(new)
    if not written and failed and failed.code ~= "not_found" then
      return nil, failed
    end
  end
  return { requeue_ms = M.look_ms }
end

return M
