-- What the parts of a run share: how far the work is, in one table, and how a failure is taken.
--
-- A work has ctx-free parts only: druid (as client.open gives it), object, job, old (the status before), new
-- (the status to be written, without conditions), events, phase and message, again_ms. The parts fill it in;
-- ingestion.status makes the status of it.

local answers = require "druid.client.answer"
local events = require "druid.events"

local M = {}

M.retry_ms, M.retry_ms_max = 2000, 60000
M.rejected_ms = 60000       -- between tries of what Druid has refused
M.doubts = 5                -- a Druid that starts answers 500 for a while: so often it is not believed

local tries = {}   -- uid = how often in a row Druid did not answer; may be lost at any time

function M.forget(uid)
  tries[uid or ""] = nil
end

function M.sooner(work, again_ms)
  if again_ms and (not work.again_ms or again_ms < work.again_ms) then
    work.again_ms = again_ms
  end
end

function M.tell(work, kind, reason, message)
  work.events[#work.events + 1] = events.event(kind, reason, message)
end

-- Sets the phase and what is said about it.
function M.is(work, phase, message, again_ms)
  work.phase, work.message = phase, message
  M.sooner(work, again_ms)
end

function M.answered(work)
  tries[work.object.metadata.uid or ""] = nil
end

-- How long to wait for a Druid that did not answer.
function M.patience(work, err)
  local uid = work.object.metadata.uid or ""
  tries[uid] = (tries[uid] or 0) + 1
  local pause = math.min(M.retry_ms * (1 << math.min(tries[uid] - 1, 6)), M.retry_ms_max)
  return math.max(pause, math.min(err.retry_ms or 0, M.retry_ms_max))
end

-- Takes a failure: one that passes is waited out, keeping what was said before; another is told.
-- verb: "Create" or "Update".
function M.fails(work, err, verb)
  local in_doubt = (err.status or 0) >= 500 and (tries[work.object.metadata.uid or ""] or 0) < M.doubts
  if in_doubt or answers.passes(err) then
    local before = work.old.phase
    if before and before ~= "Waiting" and before ~= "Rejected" and work.submitted then
      M.is(work, before, work.old.message, M.patience(work, err))
    else
      M.is(work, "Waiting", answers.waiting(err), M.patience(work, err))
    end
    return
  end
  if (err.status or 0) < 500 then
    M.answered(work)
  end
  M.is(work, "Rejected", err.message, M.rejected_ms)
  if work.old.phase ~= "Rejected" or work.old.message ~= err.message then
    M.tell(work, "Warning", "DruidIngestionController" .. verb .. "Fail", err.message)
  end
end

-- Notes what was submitted.
function M.submitted(work, id, how)
  local new, job = work.new, work.job
  local verb = new.taskId and new.taskId ~= "" and "Update" or "Create"
  new.taskId, new.kind, new.state, new.suspended = id, job.kind, nil, nil
  new["currentIngestionSpec.json"] = job.text
  new.runAgain = job.again or new.runAgain
  new.type = "DruidIngestionController" .. verb .. "Success"
  work.submitted = true
  M.tell(work, "Normal", new.type, how)
end

return M
