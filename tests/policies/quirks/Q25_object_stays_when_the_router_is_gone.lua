-- module: ingestion.retire
local retire = require "base.ingestion.retire"
retire.release_s = math.huge
return retire
