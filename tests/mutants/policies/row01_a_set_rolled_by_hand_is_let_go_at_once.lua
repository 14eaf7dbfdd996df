-- module: druid.middlemanager
-- caught by: scenario given_back: rolled by hand from now on: all workers take tasks
-- A set that its user rolls from now on gets its strategy back, and nobody enables its workers.
local middlemanager = require "base.druid.middlemanager"
function middlemanager.give_back()
  return { act = "release", records = {}, calls = {}, notes = {}, back = {} }
end
return middlemanager
