-- Supervisors: there as long as the object is, as it says.
--
-- Posting one again makes its tasks publish and start anew, so it is posted only when it is missing, when
-- the specification is another one than the last that was sent, or when somebody has changed in Druid what
-- the specification says. After an answer was lost, the marker in its context tells whether it arrived.

local job_of = require "ingestion.job"
local names = require "lib.names"
local overlord = require "druid.client.overlord"
local work = require "ingestion.work"

local M = {}

M.look_ms, M.look_soon_ms = 60000, 10000
M.gone_ms = 8000            -- a new leader does not know its supervisors at once
M.sent_ms = 150000          -- so long one that was posted without an answer may be on its way
M.comment = "DruidIngestion"
M.ready = { RUNNING = true, IDLE = true, SCHEDULER_RUNNING = true }

-- uid = when its supervisor was first not found; uid = what was posted and not answered. May be lost at any time.
local missing, sent = {}, {}

-- Has the supervisor that was submitted been away for long enough to be believed gone?
local function is_gone(w, there)
  local uid, now = w.object.metadata.uid or "", clock.now_ms()
  if there or not w.submitted then
    missing[uid] = nil
    return true
  end
  missing[uid] = missing[uid] or now
  if now - missing[uid] < M.gone_ms then
    return false
  end
  missing[uid] = nil
  return true
end

function M.forget(uid)
  missing[uid or ""], sent[uid or ""] = nil, nil
end

-- Another object that keeps the supervisor of this id, or nil: two would overwrite each other for ever.
-- others: DruidIngestions of the namespace.
function M.rival(object, id, others)
  for _, other in ipairs(others) do
    if other.metadata.uid ~= object.metadata.uid and other.status and other.status.taskId == id
      and other.status.kind == "supervisor" and other.spec.druidCluster == object.spec.druidCluster then
      return other.metadata.name
    end
  end
  return nil
end

-- Must it be posted? there: the supervisor in Druid, or nil. Gives a reason, or nil.
function M.why_post(w, there)
  local job = w.job
  if not there then
    return w.submitted and "it was gone" or "new"
  elseif w.submitted then
    return not w.new.unverified and not job_of.is_in(job, there) and "it was changed in Druid" or nil
  elseif job_of.carries_marker(job, there) then
    return nil
  end
  -- Nothing is known of what was sent before: what says the same is taken as it is.
  local fresh = (w.old["currentIngestionSpec.json"] or "") == ""
  return not (fresh and job_of.is_in(job, there)) and "the specification has changed" or nil
end

local function post(w, why)
  local job, uid, now = w.job, w.object.metadata.uid or "", clock.now_ms()
  local verb = why == "new" and "Create" or "Update"
  local before = sent[uid]
  if before and before.digest == job.digest and now < before.until_ms then
    work.is(w, w.submitted and w.old.phase or "Pending", "Supervisor " .. job.id .. " was posted; Druid has not taken it yet",
      M.look_soon_ms)
    return nil
  end
  local id, err = overlord.submit_supervisor(w.druid, job_of.body(job), M.comment)
  sent[uid] = not id and err and err.code == "timeout" and not err.retry_ms
    and { digest = job.digest, until_ms = now + M.sent_ms } or nil
  if not id then
    work.fails(w, err, verb)
    return nil
  end
  local there = overlord.supervisor(w.druid, id)
  there = type(there) == "table" and there or nil
  work.submitted(w, id, why == "new" and "Submitted supervisor " .. id
    or "Submitted supervisor " .. id .. " again: " .. why)
  w.new.unverified = there and not job_of.is_in(job, there) or nil
  if there and job.suspend then
    w.new.suspended = true
  end
  return there or {}
end

-- Suspends it, or resumes what we suspended; one that somebody else suspended stays so.
local function switch(w, there)
  local job, new, id = w.job, w.new, w.new.taskId
  local done, err = true, nil
  if job.suspend and there.suspended ~= true then
    done, err = overlord.suspend_supervisor(w.druid, id, M.comment)
    if done then
      work.tell(w, "Normal", "Suspended", "Suspended supervisor " .. id)
    end
  elseif not job.suspend and new.suspended then
    done, err = overlord.resume_supervisor(w.druid, id, M.comment)
    if done then
      work.tell(w, "Normal", "Resumed", "Resumed supervisor " .. id)
    end
  end
  if done then
    new.suspended = job.suspend or nil
  end
  return done, err
end

local function last_error(status)
  local list = type(status.recentErrors) == "table" and status.recentErrors or {}
  local last = list[#list]
  local text = type(last) == "table" and (last.message or last.exceptionClass)
  return type(text) == "string" and ": " .. names.cut(text, 300) or ""
end

-- Druid's word on it. The status of those that read no stream says nothing of their state, the list does.
local function look(w, id)
  local status, err = overlord.supervisor_status(w.druid, id)
  if not status or type(status.state) == "string" then
    return status, err
  end
  local list
  list, err = overlord.supervisors(w.druid)
  for _, entry in ipairs(type(list) == "table" and list or {}) do
    if type(entry) == "table" and entry.id == id then
      return entry
    end
  end
  return list and status or nil, err
end

local function health(w)
  local new, id = w.new, w.new.taskId
  local status, err = look(w, id)
  if not status then
    return work.fails(w, err, "Update")
  end
  work.answered(w)
  local state = type(status.state) == "string" and status.state or "UNKNOWN"
  local before = w.old.phase
  new.state = state
  if status.suspended == true or state == "SUSPENDED" then
    work.is(w, "Suspended", "Supervisor " .. id .. " is suspended", M.look_ms)
  elseif status.healthy == false then
    work.is(w, "Unhealthy", "Supervisor " .. id .. " is " .. state .. last_error(status), M.look_soon_ms)
    if before ~= "Unhealthy" then
      work.tell(w, "Warning", "SupervisorUnhealthy", w.message)
    end
  else
    local running = M.ready[state]
    work.is(w, running and "Running" or "Pending", "Supervisor " .. id .. " is " .. state,
      (running or state == "SCHEDULER_STOPPED") and M.look_ms or M.look_soon_ms)
    if running and before ~= "Running" then
      work.tell(w, "Normal", "SupervisorRunning", w.message)
    end
  end
end

-- w: as in ingestion.work; others: the DruidIngestions of the namespace.
function M.run(w, others)
  local job = w.job
  -- A Druid that does not know `id` yet calls it by its data source.
  local there, err = overlord.supervisor(w.druid, w.submitted and w.new.taskId or job.id)
  if not there and err.code ~= "not_found" then
    return work.fails(w, err, w.submitted and "Update" or "Create")
  end
  there = type(there) == "table" and there or nil
  if not is_gone(w, there) then
    return work.is(w, w.old.phase or "Pending", w.old.message, M.look_soon_ms)
  end
  local why = M.why_post(w, there)
  if not w.submitted then
    local rival = M.rival(w.object, job.id, others)
    if rival then
      return work.fails(w, { code = "conflict", message = "supervisor " .. job.id .. " belongs to DruidIngestion "
        .. rival .. " already" }, "Create")
    end
  end
  if why then
    there = post(w, why)
    if not there then
      return
    end
  else
    if not w.submitted then
      work.submitted(w, job.id, "Supervisor " .. job.id .. " is there already, as specified")
    end
    w.new.unverified = not job_of.is_in(job, there) or nil
  end
  local done
  done, err = switch(w, there)
  if not done then
    return work.fails(w, err, "Update")
  end
  health(w)
end

return M
