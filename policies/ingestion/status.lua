-- The status of a DruidIngestion. Pure.
--
-- taskId, type, status, reason, message, lastUpdateTime, currentIngestionSpec.json and rules are what it has
-- had for years; phase, state and conditions say the same better.

local condition = require "lib.condition"
local names = require "lib.names"
local tables = require "lib.tables"

local M = {}

local ready = { Running = true, Succeeded = true }
local failed = { Failed = true, Rejected = true, Invalid = true, Unhealthy = true, Lost = true }

-- facts: { phase =, message =, settings = condition or nil, policy_version = }; new: fields to keep, plain.
function M.compose(object, old, new, facts, now)
  local message = names.cut(facts.message or facts.phase, 1000)
  local wanted = {
    { type = "Ready", status = ready[facts.phase] and "True" or "False", reason = facts.phase, message = message },
    { type = "Degraded", status = failed[facts.phase] and "True" or "False",
      reason = failed[facts.phase] and facts.phase or "AsExpected",
      message = failed[facts.phase] and message or "Nothing is wrong" },
    { type = "PolicyError", status = "False", reason = "PolicyRuns", message = "The policy runs" },
    facts.settings,
  }
  local status = tables.merge(new, {
    observedGeneration = object.metadata.generation or 1,
    policyVersion = facts.policy_version,
    phase = facts.phase, message = message, reason = facts.phase,
    status = failed[facts.phase] and "False" or "True",
    conditions = condition.merge(old.conditions, wanted, object.metadata.generation or 1, clock.rfc3339(now)),
  })
  if facts.phase == "Rejected" or facts.phase == "Invalid" then
    status.type = tables.text(new.taskId) and "DruidIngestionControllerUpdateFail" or "DruidIngestionControllerCreateFail"
  end
  status.lastUpdateTime = old.lastUpdateTime
  if not json.equal(old, status) then
    status.lastUpdateTime = clock.rfc3339(now)
  end
  return status
end

-- One row for `nemeton status`.
function M.summary(object)
  local status = object.status or {}
  local name = tables.text(status.taskId) or tables.dig(object, "spec", "ingestion", "type") or "ingestion"
  return { { group = name, ready = ready[status.phase] and 1 or 0, total = 1, waits = status.message or "" } }
end

return M
