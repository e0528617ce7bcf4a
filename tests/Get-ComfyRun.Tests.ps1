#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Get-ComfyRun by ID' {
    BeforeAll {
        $emulator = New-TestEmulator
        $runs = 'a', 'b #fail', 'c' | Start-ComfyRun portrait -InputName prompt
        $emulator.Advance('00:02:00')
    }

    BeforeEach { $before = $emulator.Requests.Count }

    It 'reads the piped runs again and nothing else' {
        $fresh = $runs[0], $runs[2] | Get-ComfyRun
        $fresh.RunId | Should -Be $runs[0].RunId, $runs[2].RunId
        $fresh.Status | Should -Be 'success', 'success'
        $runs[0].Status | Should -Be 'not-started' -Because 'a snapshot does not change'
        # The price list is read once per session.
        (Get-TestRequest $emulator -Since $before).Path | Where-Object { $_ -notlike '*pricing' } | Sort-Object | Should -Be ($runs[0], $runs[2] | ForEach-Object { "/api/run/$($_.RunId)" } | Sort-Object)
    }

    It 'keeps what only the caller knows' {
        $row = [pscustomobject]@{ prompt = 'x'; shot = 's01' } | Start-ComfyRun portrait -LabelColumn shot
        $fresh = $row | Get-ComfyRun
        $fresh.Label | Should -Be 's01'
        $fresh.DeploymentName | Should -Be 'portrait/production'
        $fresh.DeploymentId | Should -Be $row.DeploymentId
    }

    It 'accepts an ID as <What>' -ForEach @(
        @{ What = 'text'; Form = { $_.RunId } }
        @{ What = 'upper case'; Form = { $_.RunId.ToUpperInvariant() } }
        @{ What = '32 characters'; Form = { $_.RunId -replace '-' } }
        @{ What = 'text with spaces around'; Form = { " $($_.RunId) " } }
        @{ What = 'a Guid'; Form = { [guid] $_.RunId } }
        @{ What = 'its first 8 characters'; Form = { $_.RunId.Substring(0, 8) } }
        @{ What = 'its first 20 characters'; Form = { $_.RunId.Substring(0, 20) } }
        @{ What = 'a run'; Form = { $_ } }
        @{ What = 'a hashtable'; Form = { @{ RunId = $_.RunId } } }
        @{ What = 'a row'; Form = { [pscustomobject]@{ RunId = $_.RunId; Status = 'failed' } } }
        @{ What = 'a selected run'; Form = { $_ | Select-Object RunId } }
        @{ What = 'a row with other case'; Form = { [pscustomobject]@{ runid = $_.RunId } } }
    ) {
        $given = $runs[0] | ForEach-Object $Form
        (Get-ComfyRun $given).RunId | Should -Be $runs[0].RunId
        ($given | Get-ComfyRun).RunId | Should -Be $runs[0].RunId
    }

    It 'accepts short IDs without quotes, even if the parser reads them as numbers: <_>' -ForEach '12345678', '1e234567', '12345e12', '0x123456', '1234567d' {
        $typed = $_
        $record = try { Invoke-Command ([scriptblock]::Create("Get-ComfyRun $typed -ErrorAction Stop")) } catch { $_ }
        $record.FullyQualifiedErrorId | Should -BeLike 'RunIdInvalid,*'
        $record.TargetObject | Should -Be $typed
    }

    It 'rejects <_> before any request' -ForEach 'portrait', 'abc', '1234567', '', ' ', 'g1234567', "$('f' * 37)", '../../keys', 'deadbeef', "$('0' * 31)" {
        $null = Get-ComfyRun $_ -ErrorVariable errors -ErrorAction SilentlyContinue
        $errors.FullyQualifiedErrorId | Should -Be 'RunIdInvalid,ComfyDeploy.Commands.GetComfyRunCommand'
        $emulator.Requests.Count | Should -Be $before
    }

    It 'suggests what was probably meant' {
        { Get-ComfyRun portrait -ErrorAction Stop } | Should -Throw '*Get-ComfyRun -Workflow*portrait*'
        { Get-ComfyRun deadbeef -ErrorAction Stop } | Should -Throw '*36 characters*'
    }

    It 'reports a blank line of a file' {
        $found = $runs[0].RunId, '', $runs[1].RunId | Get-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue
        $found.Count | Should -Be 2
        $errors.FullyQualifiedErrorId | Should -BeLike 'RunIdInvalid,*'
    }

    It 'one unknown ID among three: two objects, one error, $? false' {
        $found = $runs[0].RunId, $MissingId, $runs[2].RunId | Get-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue
        $succeeded = $?
        $succeeded | Should -BeFalse
        $found.RunId | Should -Be $runs[0].RunId, $runs[2].RunId
        $errors.Count | Should -Be 1
        $errors[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,ComfyDeploy.Commands.GetComfyRunCommand'
        $errors[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $errors[0].TargetObject | Should -Be $MissingId
        $errors[0].Exception | Should -BeOfType ComfyDeploy.ComfyDeployException
        $errors[0].Exception.StatusCode | Should -Be 404
        $errors[0].Exception.Message | Should -BeLike "*$MissingId*'emulator'*Run not found*"
    }

    It 'honors -ErrorAction <_>' -ForEach 'Stop', 'Ignore' {
        if ($_ -eq 'Stop') {
            { $MissingId | Get-ComfyRun -ErrorAction Stop } | Should -Throw -ErrorId 'RunNotFound,*'
        } else {
            $count = $Error.Count
            $MissingId | Get-ComfyRun -ErrorAction Ignore | Should -BeNullOrEmpty
            $Error.Count | Should -Be $count
        }
    }

    It 'can be caught by type' {
        $caught = try { Get-ComfyRun $MissingId -ErrorAction Stop } catch [ComfyDeploy.ComfyDeployException] { $_.Exception.ErrorId }
        $caught | Should -Be 'RunNotFound'
    }

    It 'reads a run once if its ID is given twice' {
        $found = $runs[0], $runs[0].RunId, $runs[0].RunId.ToUpperInvariant() | Get-ComfyRun
        @($found).Count | Should -Be 1
        ($emulator.Requests.Count - $before) | Should -Be 1
    }

    It 'keeps the order of the IDs' {
        $ids = $runs[2].RunId, $runs[0].RunId, $runs[1].RunId
        ($ids | Get-ComfyRun).RunId | Should -Be $ids
        (Get-ComfyRun $ids).RunId | Should -Be $ids
    }

    It 'gets the reason for a failed run, and does not request it with -SkipErrorDetail' {
        (Get-ComfyRun $runs[1].RunId).Error | Should -Not -BeNullOrEmpty
        $before = $emulator.Requests.Count
        (Get-ComfyRun $runs[1].RunId -SkipErrorDetail).Error | Should -BeNullOrEmpty
        ($emulator.Requests.Count - $before) | Should -Be 1
    }

    It 'returns rows that were never queued unchanged' {
        $row = "seed`nx" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
        ($row | Get-ComfyRun).Status | Should -Be 'not-queued'
        ($row | ConvertTo-Csv | ConvertFrom-Csv | Get-ComfyRun).Status | Should -Be 'not-queued'
    }

    It 'reads <Format> back' -ForEach @(
        @{ Format = 'CSV'; Trip = { $_ | Export-Csv TestDrive:/runs.csv; Import-Csv TestDrive:/runs.csv } }
        @{ Format = 'Clixml'; Trip = { $_ | Export-Clixml TestDrive:/runs.xml; Import-Clixml TestDrive:/runs.xml } }
        @{ Format = 'JSON'; Trip = { $_ | ConvertTo-Json -Depth 3 -WarningAction SilentlyContinue | ConvertFrom-Json } }
    ) {
        $rows = , ($runs | Get-ComfyRun) | ForEach-Object $Trip
        $fresh = $rows | Get-ComfyRun
        $fresh.RunId | Should -Be $runs.RunId
        $fresh.DeploymentName | Should -Be @('portrait/production', 'portrait/production', 'portrait/production')
        $fresh[0] | Should -BeOfType ComfyDeploy.ComfyRun
    }

    It 'rejects an object that is not a run and names its type: <Type>' -ForEach @(
        @{ Type = 'Process'; Make = { Get-Process -Id $PID } }
        @{ Type = 'An object'; Make = { [pscustomobject]@{ Name = 'x' } } }
        @{ Type = 'TimeSpan'; Make = { [timespan]::Zero } }
    ) {
        & $Make | Get-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $errors[0].Exception.Message | Should -BeLike "*$Type*is not a run*"
    }

    It 'retries transient failures, and writes a warning' {
        $emulator.AddFault('GET /run/* = 503')
        $run = Get-ComfyRun $runs[0].RunId -WarningVariable warnings -WarningAction SilentlyContinue
        $run.RunId | Should -Be $runs[0].RunId
        $warnings.Count | Should -Be 1
        ($emulator.Requests.Count - $before) | Should -Be 2
    }

    It 'ends immediately when the key is rejected' {
        $emulator.AddFault('GET /run/* = 401 always')
        try {
            { $runs | Get-ComfyRun } | Should -Throw -ErrorId 'ApiKeyRejected,*'
        } finally {
            $emulator.ClearFaults()
        }
    }

    It 'survives fields of the wrong type' {
        $emulator.AddFault('GET /run/* = wrongtypes')
        $run = Get-ComfyRun $runs[0].RunId -ErrorVariable errors -ErrorAction SilentlyContinue
        @($run).Count + @($errors).Count | Should -BeGreaterOrEqual 1
        $errors.FullyQualifiedErrorId | Where-Object { $_ -notlike 'ServiceError,*' } | Should -BeNullOrEmpty
    }

    It 'stops within 200 ms while the service hangs, and leaves no error' {
        $emulator.AddFault('GET /run/* = hang always')
        $hung = $emulator
        $since = $emulator.Requests.Count
        try {
            $stopped = Measure-TestStop "'$($runs.RunId -join "','")' | Get-ComfyRun" -When { @(Get-TestRequest $hung -Path '/run/*' -Since $since).Count -gt 0 }
        } finally {
            $emulator.ClearFaults()
        }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
        $stopped.Output | Should -BeNullOrEmpty
    }
}

Describe 'Get-ComfyRun as a list' {
    BeforeAll {
        $emulator = New-TestEmulator
        # One after the other in time, so that "newest first" can be seen.
        $started = foreach ($item in @('portrait', 'a'), @('portrait/staging', 'b #fail'), @('animate/staging', 'c'), @('portrait', 'd #stuck'), @('portrait', 'e #cancelled'), @('portrait', 'f #timeout')) {
            Start-ComfyRun $item[0] @{ prompt = $item[1] }
            $emulator.Advance('00:01:00')
        }
        $emulator.Advance('00:05:00')
    }

    BeforeEach { $before = $emulator.Requests.Count }

    It 'lists all workflows, newest first' {
        (Get-ComfyRun).RunId | Should -Be $started[5..0].RunId
    }

    It 'lists by deployment, workflow, several names, or a wildcard' {
        (Get-ComfyRun -Deployment portrait).RunId | Should -Be $started[5, 4, 3, 0].RunId
        (Get-ComfyRun -Deployment portrait -Environment staging).RunId | Should -Be $started[1].RunId
        (Get-ComfyRun -Workflow portrait).RunId | Should -Be $started[5, 4, 3, 1, 0].RunId
        (Get-ComfyRun -Workflow p*, animate).RunId | Should -Be $started[5..0].RunId
        (Get-ComfyRun -Deployment */staging).RunId | Should -Be $started[2, 1].RunId
        (Get-ComfyRun -Environment staging).RunId | Should -Be $started[2, 1].RunId
        (Get-ComfyRun -Workflow 00000022-0000-4000-8000-000000000022).RunId | Should -Be $started[2].RunId
    }

    It 'lists piped deployments' {
        (Get-ComfyDeployment portrait/production | Get-ComfyRun).RunId | Should -Be $started[5, 4, 3, 0].RunId
        (Get-ComfyDeployment */staging | Get-ComfyRun -Finished).RunId | Sort-Object | Should -Be ($started[1, 2].RunId | Sort-Object)
    }

    It 'sends one request for the first run: -Deployment x | Select-Object -First 1' {
        $null = Get-ComfyDeployment
        $before = $emulator.Requests.Count
        @(Get-ComfyRun -Deployment portrait | Select-Object -First 1).Count | Should -Be 1
        @(Get-TestRequest $emulator -Since $before -Path '*/runs*').Count | Should -Be 1
    }

    It 'counts -First after all filters, with small pages' {
        (Get-ComfyRun -Workflow portrait -Status cancelled, failed -First 1).RunId | Should -Be $started[4].RunId
        @(Get-ComfyRun -First 2).Count | Should -Be 2
        (Get-TestRequest $emulator -Since $before -Path '*/runs*').Query | ForEach-Object { $_ -match 'limit=(\d+)' | Should -BeTrue; [int] $Matches[1] | Should -BeLessOrEqual 2 }
    }

    It 'filters by status <Status>' -ForEach @(
        @{ Status = 'failed'; Index = @(1) }
        @{ Status = 'FAILED'; Index = @(1) }
        @{ Status = 'error'; Index = @(1) }
        @{ Status = 'canceled'; Index = @(4) }
        @{ Status = 'NotStarted'; Index = @(3) }
        @{ Status = 'timeout'; Index = @(5) }
        @{ Status = 'succeeded'; Index = @(2, 0) }
        @{ Status = @('failed', 'timeout'); Index = @(5, 1) }
        @{ Status = 'unheard-of'; Index = @() }
    ) { @(Get-ComfyRun -Status $Status).RunId | Should -Be @($started[$Index].RunId) }

    It 'filters by -Active, -Finished, -Gpu, -Origin' {
        (Get-ComfyRun -Active).RunId | Should -Be $started[3].RunId
        @(Get-ComfyRun -Finished).Count | Should -Be 5
        @(Get-ComfyRun -Gpu a10g).Count | Should -Be 5
        @(Get-ComfyRun -Origin api).Count | Should -Be 6
        Get-ComfyRun -Origin manual | Should -BeNullOrEmpty
    }

    It 'rejects <_> together' -ForEach '-Active -Finished', '-Active -Status failed', '-Finished -Status failed' {
        { Invoke-Command ([scriptblock]::Create("Get-ComfyRun $_")) } | Should -Throw -ErrorId 'ParametersConflict,*'
    }

    It 'accepts dates and durations: -After inclusive, -Before exclusive' {
        $list = Get-ComfyRun
        $middle = $list[2].CreatedAt
        @(Get-ComfyRun -After $middle).Count | Should -Be 3
        @(Get-ComfyRun -Before $middle).Count | Should -Be 3
        @(Get-ComfyRun -After $middle -Before $list[0].CreatedAt).Count | Should -Be 2
        @(Get-ComfyRun -After 7d).Count | Should -Be 6
        Get-ComfyRun -Before 7d | Should -BeNullOrEmpty
        @(Get-ComfyRun -After (Get-Date).AddDays(-7)).Count | Should -Be 6
        @(Get-ComfyRun -After (Get-Date).AddDays(-7).ToUniversalTime()).Count | Should -Be 6
        @(Get-ComfyRun -After ([datetimeoffset]::UtcNow.AddHours(-1))).Count | Should -Be 6
        @(Get-ComfyRun -After '2020-01-01').Count | Should -Be 6
        @(Get-ComfyRun -After ([timespan]::FromHours(3))).Count | Should -Be 6
        @(Get-ComfyRun -After 1w).Count | Should -Be 6
        @(Get-ComfyRun -After yesterday).Count | Should -Be 6
        Get-ComfyRun -Before yesterday | Should -BeNullOrEmpty
    }

    It 'accepts dates that the service does not: <_>' -ForEach '99999d', '1960-01-01', '([datetime]::MinValue)' {
        @(Invoke-Command ([scriptblock]::Create("Get-ComfyRun -After $_ -ErrorAction Stop"))).Count | Should -Be 6
    }

    It 'finds nothing after the end of time' {
        Get-ComfyRun -After ([datetime]::MaxValue) -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'explains what is wrong with -After $null' {
        $caught = try { Get-ComfyRun -After $null -ErrorAction Stop; 'no error' } catch { $_ }
        "$caught" | Should -Not -BeLike '*Object reference*'
    }

    It 'reports an invalid pattern as a module error, or treats it as a name: <_>' -ForEach '-Workflow ''[a''', '-Deployment ''[''' {
        $caught = try { Invoke-Command ([scriptblock]::Create("Get-ComfyRun $_ -ErrorAction Stop")) } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -Match '^(InvalidInput|WorkflowNotFound|DeploymentNotFound),'
    }

    It 'rejects <_> as a date' -ForEach 'tomorrow', '10:00x', "''" {
        { Invoke-Command ([scriptblock]::Create("Get-ComfyRun -After $_")) } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
    }

    It 'reads each run individually with -Full' {
        $full = Get-ComfyRun -Workflow portrait -Full
        ($full | Where-Object Status -eq failed).Error | Should -Not -BeNullOrEmpty
        $full[0].PercentComplete | Should -Not -BeNullOrEmpty
        @(Get-TestRequest $emulator -Since $before -Path '/run/*').Count | Should -Be 5
    }

    It 'reads no single run without -Full' {
        $null = Get-ComfyRun
        Get-TestRequest $emulator -Since $before -Path '/run/*' | Should -BeNullOrEmpty
    }

    It 'lists the runs that this session queued, newest first' {
        (Get-ComfyRun -ThisSession).RunId | Should -Be $started[5..0].RunId
        (Get-ComfyRun -ThisSession -Active).RunId | Should -Be $started[3].RunId
        @(Get-ComfyRun -ThisSession -Deployment portrait/staging).RunId | Should -Be $started[1].RunId
    }

    It 'registers the IDs, so that short IDs work' {
        $child = Invoke-ChildPwsh @"
Connect-ComfyDeploy (ConvertTo-SecureString '$(Get-TestKey $emulator)' -AsPlainText) -BaseUri $($emulator.BaseUri)
`$short = '$($started[0].RunId.Substring(0, 8))'
try { Get-ComfyRun `$short -ErrorAction Stop } catch { `$_.FullyQualifiedErrorId }
`$null = Get-ComfyRun -Deployment portrait
(Get-ComfyRun `$short).RunId
"@
        $child.Output -split '\r?\n' | Should -Be 'RunIdInvalid,ComfyDeploy.Commands.GetComfyRunCommand', $started[0].RunId
    }

    It 'continues after a workflow or deployment that does not exist' {
        $found = Get-ComfyRun -Workflow nope, animate -ErrorVariable errors -ErrorAction SilentlyContinue
        $found.RunId | Should -Be $started[2].RunId
        $errors.FullyQualifiedErrorId | Should -Be 'WorkflowNotFound,ComfyDeploy.Commands.GetComfyRunCommand'
        Get-ComfyRun -Deployment nope -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $errors.FullyQualifiedErrorId | Should -Be 'DeploymentNotFound,ComfyDeploy.Commands.GetComfyRunCommand'
    }

    It 'returns the complete list, or reports an error, when a page fails' {
        $emulator.AddFault('GET /workflow/*/runs* = 500 always')
        $emulator.AddFault('GET /v2/workflow/*/runs* = 500 always')
        $emulator.AddFault('GET /deployment/*/runs* = 500 always')
        try {
            $null = Get-ComfyRun -Workflow portrait -ErrorVariable errors -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
            $errors.FullyQualifiedErrorId | Should -Be 'ServiceError,ComfyDeploy.Commands.GetComfyRunCommand'
        } finally {
            $emulator.ClearFaults()
        }
    }

    It 'completes <Line> to <Word>' -ForEach @(
        @{ Line = 'Get-ComfyRun -Status f'; Word = 'failed' }
        @{ Line = 'Get-ComfyRun -Status failed, t'; Word = 'timeout' }
        @{ Line = 'Get-ComfyRun -Gpu h2'; Word = 'H200' }
        @{ Line = 'Get-ComfyRun -Environment pr'; Word = 'production' }
        @{ Line = 'Get-ComfyRun -Deployment portrait/s'; Word = 'portrait/staging' }
        @{ Line = 'Get-ComfyRun -Connection e'; Word = 'emulator' }
    ) { $null = Get-ComfyDeployment; Get-Completion $Line | Should -Contain $Word }

    It 'streams: the first of many runs is returned after one page' {
        $emulator = New-TestEmulator
        $null = 1..120 | Start-ComfyRun portrait -InputName seed
        $before = $emulator.Requests.Count
        $seen = 0
        $null = Get-ComfyRun -Workflow portrait | ForEach-Object { if (-not $seen) { $seen = @(Get-TestRequest $emulator -Since $before -Path '*/runs*').Count }; $_ }
        $seen | Should -Be 1
        @(Get-ComfyRun -Workflow portrait).Count | Should -Be 120
        @((Get-ComfyRun -Workflow portrait).RunId | Sort-Object -Unique).Count | Should -Be 120
    }
}

Describe 'Get-ComfyRun -Manifest' {
    BeforeAll {
        $emulator = New-TestEmulator
        $manifest = Join-Path $TestDrive night.jsonl
        $rows = 'a fox', 'a bear #fail', 'an owl' | ForEach-Object { $number = 1 } { [pscustomobject]@{ prompt = $_; seed = $number; shot = "a0$number" }; $number++ }
        $started = $rows | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest
        $emulator.Advance('00:10:00')
        $done = $started | Wait-ComfyRun -InOrder
        $before = $emulator.Requests.Count
        $batch = Get-ComfyRun -Manifest $manifest
    }

    It 'returns a run for each row, in order, without a request' {
        $batch.RunId | Should -Be $done.RunId
        $batch.Label | Should -Be 'a01', 'a02', 'a03'
        $batch.Status | Should -Be 'success', 'failed', 'success'
        $emulator.Requests.Count | Should -Be $before
    }

    It 'can be exported as CSV, and read back' {
        $batch | Export-Csv TestDrive:/batch.csv
        Get-Content TestDrive:/batch.csv -Raw | Should -Not -Match 'System\.|ComfyDeploy\.Comfy|night\.jsonl'
        $back = Import-Csv TestDrive:/batch.csv
        $back.RunId | Should -Be $done.RunId
        $back.Label | Should -Be $batch.Label
        $back.Status | Should -Be $batch.Status
        $back.Error | Should -Be $batch.ForEach{ "$($_.Error)" }
        $back.ForEach{ ($_.Inputs | ConvertFrom-Json).prompt } | Should -Be $rows.prompt
        ($back | Get-ComfyRun).RunId | Should -Be $done.RunId
    }

    It 'can be exported as JSON, and read back' {
        $json = $batch | ConvertTo-Json -Depth 5 -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $json | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
        $back = $json | ConvertFrom-Json
        $back.RunId | Should -Be $done.RunId
        $back.Inputs.prompt | Should -Be $rows.prompt
        $back.Inputs.seed | Should -Be 1, 2, 3
        $back[0].PSObject.Properties.Name | Should -Contain 'EstimatedCost'
    }

    It 'reports a file that does not exist' {
        { Get-ComfyRun -Manifest TestDrive:/none.jsonl -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotFound,*'
    }
}
