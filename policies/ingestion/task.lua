-- Tasks: submitted once, followed to their end, never submitted again because an answer was lost.

local job_of = require "ingestion.job"
local names = require "lib.names"
local overlord = require "druid.client.overlord"
local query = require "druid.client.query"
local work = require "ingestion.work"

local M = {}

M.final = { SUCCESS = true, FAILED = true }
M.look_ms, M.look_ms_max = 3000, 60000   -- between looks at a task, longer with its age
M.lost_ms = 300000                       -- between looks at one that Druid does not know any more
M.comment = "DruidIngestion"

-- The state of a task in one word, and Druid's status of it; "UNKNOWN" when Druid has none; nil, err.
function M.look(druid, id)
  local status, err = overlord.task_status(druid, id)
  if not status and err.code == "not_found" then
    return "UNKNOWN", {}
  elseif not status then
    return nil, err
  end
  local code, runner = status.statusCode or status.status, status.runnerStatusCode
  if code == "RUNNING" and (runner == "WAITING" or runner == "PENDING") then
    return runner, status
  end
  return type(code) == "string" and code or "UNKNOWN", status
end

-- Ends a task. true when it has ended, false when it is about to, nil, err.
function M.stop(druid, id, state)
  if M.final[state or ""] then
    return true
  end
  local now, err = M.look(druid, id)
  if not now then
    return nil, err
  elseif M.final[now] or now == "UNKNOWN" then
    return true
  end
  local done
  done, err = overlord.shutdown_task(druid, id, M.comment)
  if not done then
    return nil, err
  end
  return false
end

local function submit(w)
  local job = w.job
  -- Submitted before, with the answer lost? Then it is there: its id is ours.
  local state, err = M.look(w.druid, job.id)
  if not state then
    return work.fails(w, err, "Create")
  elseif state ~= "UNKNOWN" then
    work.submitted(w, job.id, "Task " .. job.id .. " was submitted before")
    return
  end
  local id, existed = (job.is_sql and query or overlord).submit_task(w.druid, job_of.body(job))
  if not id then
    return work.fails(w, existed, "Create")
  end
  work.submitted(w, id, existed and "Task " .. id .. " was submitted before" or "Submitted task " .. id)
end

local function age_ms(w)
  local since = clock.parse(w.old.lastUpdateTime or "")
  return since and (clock.now() - since) * 1000 or 0
end

-- Says what became of a task whose state is known.
local function outcome(w, state, status)
  local new, id = w.new, w.new.taskId
  local before = new.state
  new.state = state
  if state == "SUCCESS" then
    work.is(w, "Succeeded", "Task " .. id .. " has succeeded")
    if before ~= state then
      work.tell(w, "Normal", "TaskSucceeded", w.message)
    end
  elseif state == "FAILED" and new.suspended then
    work.is(w, "Suspended", "Task " .. id .. " was stopped; it is begun anew when spec.suspend is false")
  elseif state == "FAILED" then
    local said = type(status.errorMsg) == "string" and status.errorMsg ~= "" and ": " .. names.cut(status.errorMsg, 300) or ""
    work.is(w, "Failed", before == state and w.old.message or "Task " .. id .. " has failed" .. said)
    if before ~= state then
      work.tell(w, "Warning", "TaskFailed", w.message .. "; it is not run again by itself: change the specification, "
        .. "or the annotation " .. job_of.again)
    end
  elseif state == "UNKNOWN" then
    work.is(w, "Lost", "Druid does not know task " .. id .. " any more; it is not submitted again", M.lost_ms)
    if before ~= state then
      work.tell(w, "Warning", "TaskLost", w.message)
    end
  else
    work.is(w, state == "RUNNING" and "Running" or "Pending", "Task " .. id .. " is " .. state:lower(),
      math.max(M.look_ms, math.min(age_ms(w) // 10, M.look_ms_max)))
  end
end

-- A suspended task that was stopped is begun anew, under another id.
local function begin_anew(w)
  local new = w.new
  new.attempt, new.suspended, new.taskId, new.state = (new.attempt or 0) + 1, nil, nil, nil
  work.is(w, "Waiting", "Is submitted anew", 1)
end

-- w: as in ingestion.work.
function M.run(w)
  local new, job = w.new, w.job
  if not w.submitted then
    if job.suspend then
      return work.is(w, "Suspended", "Not submitted: spec.suspend is true")
    end
    submit(w)
    if not w.submitted then
      return
    end
  elseif M.final[new.state or ""] then
    if new.state == "FAILED" and new.suspended and not job.suspend then
      return begin_anew(w)
    end
    return outcome(w, new.state, {})
  end
  local state, status = M.look(w.druid, new.taskId)
  if not state then
    return work.fails(w, status, "Update")
  end
  work.answered(w)
  if job.suspend and not M.final[state] and state ~= "UNKNOWN" then
    local done, err = overlord.shutdown_task(w.druid, new.taskId, M.comment)
    if not done then
      return work.fails(w, err, "Update")
    end
    if not new.suspended then
      work.tell(w, "Normal", "Suspended", "Stops task " .. new.taskId .. ": spec.suspend is true")
    end
    new.suspended, new.state = true, state
    return work.is(w, "Suspended", "Stops task " .. new.taskId, M.look_ms)
  end
  outcome(w, state, status)
end

return M
