#Requires -Version 7.4

# Runs the samples of the help and the README in a separate pwsh and compares what they print, 120 columns wide, with what the page says.
# No sample is left out. The about topics have commands only, no output.

BeforeDiscovery {
    $root = Split-Path $PSScriptRoot
    # A block of code that a block of output follows.
    $block = '(?ms)^```powershell\n(?<Code>(?:(?!```).)*)^```\n\n```(?:Output)?\n(?<Output>(?:(?!```).)*)^```$'
    # Samples of the README, which has no examples, are counted.
    $others = 0
    $samples = foreach ($page in Get-ChildItem $root/en-US/*.md, $root/README.md) {
        $text = (Get-Content $page -Raw).Replace("`r`n", "`n")
        foreach ($match in [regex]::Matches($text, $block)) {
            $example = [regex]::Matches($text.Substring(0, $match.Index), '(?m)^### Example (\d)') | Select-Object -Last 1
            @{
                Name   = $page.BaseName + '/' + $(if ($example) { $example.Groups[1].Value } else { (++$others) })
                Code   = $match.Groups['Code'].Value
                Output = $match.Groups['Output'].Value
            }
        }
    }
    # Every block of output, whether the pattern above finds its code or not.
    $marked = (Get-ChildItem $root/en-US/*.md | Select-String '^```Output$').Count
}

BeforeAll {
    . $PSScriptRoot/common.ps1

    # What a sample needs; the others need nothing. -Speed 0 stops the clock, so times and order are the same in every run.
    $stopped = '$emulator = Start-ComfyEmulator -Connect -Speed 0'
    $fast = '$emulator = Start-ComfyEmulator -Connect -Speed 10'
    # Runs of 20 to 30 seconds, from which -WhatIf estimates.
    $history = "$stopped; `$null = 20..30 | ForEach-Object { `"#queue=0 #cold=2 #time=`$_`" } | Start-ComfyRun portrait -InputName prompt; `$emulator.Advance('01:00:00')"
    $prompts = "Set-Content prompts.csv 'prompt,seed,shot', 'a red fox,1,a01', 'a bear #fail,2,a02', 'an owl,3,a03'"
    # The batch that the README and Get-ComfyRun show, with its manifest.
    $batch = 'Import-Csv prompts.csv | Start-ComfyRun portrait -LabelColumn shot -MaxInFlight 10 -Manifest ./night.jsonl'
    $setups = @{
        'Disconnect-ComfyDeploy/3'   = $stopped
        'Get-ComfyConnection/1'      = $stopped
        'Get-ComfyConnection/2'      = $stopped
        'Get-ComfyDeployment/1'      = $stopped
        'Get-ComfyDeployment/2'      = $stopped
        'Get-ComfyDeployment/3'      = "$stopped; `$null = '#fail', '#fail' | Start-ComfyRun portrait -InputName prompt; `$emulator.Advance('00:10:00')"
        'Get-ComfyDeploymentInput/1' = $stopped
        'Get-ComfyDeploymentInput/2' = $stopped
        'Get-ComfyDeploymentInput/3' = $stopped
        'Get-ComfyRun/1'             = "$stopped; `$null = Start-ComfyRun portrait @{ prompt = '#fail' }; `$emulator.Advance('00:10:00')"
        'Get-ComfyRun/2'             = "$stopped; `$null = 'a fox', '#fast', 'an owl' | Start-ComfyRun portrait -InputName prompt; `$emulator.Advance('00:10:00')"
        'Get-ComfyRun/5'             = "$fast; $prompts; `$null = $batch | Wait-ComfyRun"
        'Get-ComfyRunOutput/1'       = "$stopped; `$runs = Start-ComfyRun portrait @{ prompt = '#multi=3 #text' }; `$emulator.Advance('00:10:00')"
        'Get-ComfyRunOutput/2'       = "$stopped; `$null = Start-ComfyRun portrait @{ prompt = '#multi=3 #text' }; `$emulator.Advance('00:10:00')"
        'Invoke-ComfyApi/1'          = $stopped
        'New-ComfyInputGrid/2'       = $history
        'New-ComfyInputGrid/3'       = $fast
        'README/1'                   = $fast
        'README/2'                   = "$fast; $prompts; `$rows = Import-Csv prompts.csv; `$null = $batch | Wait-ComfyRun"
        'Restart-ComfyRun/2'         = "$fast; $prompts; `$runs = Import-Csv prompts.csv | Start-ComfyRun portrait -LabelColumn shot -Wait"
        'Restart-ComfyRun/3'         = "$stopped; $prompts; `$null = Import-Csv prompts.csv | Start-ComfyRun portrait -LabelColumn shot; `$emulator.Advance('01:00:00')"
        'Save-ComfyRunOutput/1'      = "$fast; $prompts"
        'Send-ComfyFile/2'           = @"
$stopped; `$null = New-Item pictures -ItemType Directory
[System.IO.File]::WriteAllBytes("`$PWD/pictures/cat.png", [byte[]]::new(18342)); [System.IO.File]::WriteAllBytes("`$PWD/pictures/dog.png", [byte[]]::new(20125))
"@
        'Start-ComfyRun/2'           = "$fast; $prompts"
        'Start-ComfyRun/4'           = "$history; $prompts"
        'Stop-ComfyRun/2'            = @"
$stopped; `$ended = Start-ComfyRun portrait; `$emulator.Advance('00:10:00')
`$runs = @(foreach (`$prompt in '#stuck', '#stuck', '#stuck #nocall') { Start-ComfyRun portrait @{ prompt = `$prompt } }) + `$ended
"@
        'Test-ComfyConnection/2'     = "$stopped; Connect-ComfyDeploy -Name lab -ApiKey (ConvertTo-SecureString lab_key -AsPlainText -Force) -BaseUri `$emulator.BaseUri -SkipCheck"
        'Wait-ComfyRun/2'            = "$fast; $prompts; `$started = Import-Csv prompts.csv | Start-ComfyRun portrait -LabelColumn shot"
    }

    # Without what differs from run to run: IDs, times, dates, ports, and blank lines.
    function ConvertTo-Comparable([string] $Text) {
        $lines = foreach ($line in $Text -split '\r?\n') {
            $line = $line.TrimEnd() -replace '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>' -replace '\b[0-9a-f]{12}_', '<id>_' -replace '\bimg_\w{16}', '<id>'
            $line = $line -replace '127\.0\.0\.1:\d+', '127.0.0.1:<port>' -replace '\d{4}-\d\d-\d\d', '<date>' -replace '\b(Ok|BadKey)\s+\d+ ', '$1 <ms> ' -replace '(?<=LatencyMs : )\d+', '<ms>'
            # Times of a run: 5s, 1m40s, 12.9.
            if ($line -match '\b[0-9a-f]{8} ') { $line = $line -replace '\b[0-9a-f]{8} ', '<id> ' -replace '\s+\d+([smhd]|m\d+s|\.\d|\.\d{6})(?=\s|$)', ' <time>' }
            # The saved pictures show the IDs of their runs, so their lengths differ.
            $line = $line -replace '(?<=^<id> .*) +\d+ <id>_', ' <bytes> <id>_'
            # Nor is the folder the same.
            $line -replace '(?<=^ *Directory: ).*[\\/]', '<folder>/'
        }
        ($lines -join "`n").Trim() -replace '\n{3,}', "`n`n"
    }
}

Describe 'The samples of the help and the README' -ForEach @{ All = $samples; Marked = $marked } {
    BeforeAll {
        # One process for all: each sample has a folder, an emulator, and a scope of its own.
        $mark = '=== sample '
        $script = foreach ($sample in $All) {
            "[Console]::WriteLine('$mark$($sample.Name)')"
            "`$null = New-Item -ItemType Directory '$TestDrive/$($sample.Name)' -Force; Set-Location '$TestDrive/$($sample.Name)'"
            # Statement by statement, as in a console: a pipeline of two types would print the second one as a list.
            $statements = [System.Management.Automation.Language.Parser]::ParseInput($sample.Code, [ref] $null, [ref] $null).EndBlock.Statements.Extent.Text
            $shown = $statements | ForEach-Object { ". {`n$_`n} | Out-String -Width 120 | ForEach-Object { [Console]::Write(`$_) }" }
            "& {`n$($setups[$sample.Name])`n$($shown -join "`n")`n}"
            'Get-ComfyConnection | Disconnect-ComfyDeploy; Stop-ComfyEmulator'
        }
        $child = Invoke-ChildPwsh ("`$ProgressPreference = 'SilentlyContinue'", $script | ForEach-Object { $_ } | Out-String)
        $printed = @{}
        foreach ($part in $child.Output -split "(?m)^$mark" | Where-Object { $_ }) {
            $name, $text = $part -split '\r?\n', 2
            $printed[$name.Trim()] = $text
        }
    }

    It 'all run without an error' { $child.Error | Should -BeNullOrEmpty }

    It 'include every block of output' { @($All | Where-Object Name -NotLike 'README/*').Count | Should -Be $Marked }

    It '<Name> prints what the page says' -ForEach $samples {
        ConvertTo-Comparable $printed[$Name] | Should -BeExactly (ConvertTo-Comparable $Output)
    }
}
