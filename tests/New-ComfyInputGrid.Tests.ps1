#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'New-ComfyInputGrid' {
    It 'combines all values, the last key fastest' {
        $rows = New-ComfyInputGrid ([ordered]@{ style = 'noir', 'anime'; seed = 1..2; prompt = 'a fox' })
        $rows.ForEach{ "$($_.style) $($_.seed) $($_.prompt)" } | Should -Be 'noir 1 a fox', 'noir 2 a fox', 'anime 1 a fox', 'anime 2 a fox'
        $rows[0].PSObject.Properties.Name | Should -Be 'style', 'seed', 'prompt'
        $rows[0] | Should -BeOfType pscustomobject
    }

    It 'counts an inner array, a file, and $null as one value' {
        $file = Get-Item $PSCommandPath
        $rows = @(New-ComfyInputGrid @{ image = $file, ('a', 'b'), $null })
        $rows.Count | Should -Be 3
        $rows[0].image | Should -Be $file
        $rows[1].image | Should -Be 'a', 'b'
        $rows[2].image | Should -BeNullOrEmpty
    }

    It 'ends a grid of a billion rows with Select-Object -First' {
        $rows = New-ComfyInputGrid ([ordered]@{ a = 1..1000; b = 1..1000; c = 1..1000 }) | Select-Object -First 3
        $rows.c | Should -Be 1, 2, 3
    }

    It 'makes a CSV file that comes back as rows' {
        $file = Join-Path $TestDrive grid.csv
        New-ComfyInputGrid ([ordered]@{ style = 'noir', 'anime'; cfg = 4, 7.5 }) | Export-Csv $file
        Get-Content $file | Should -Be '"style","cfg"', '"noir","4"', '"noir","7.5"', '"anime","4"', '"anime","7.5"'
        $null = New-TestEmulator
        $runs = Import-Csv $file | Start-ComfyRun portrait
        $runs.Inputs.cfg | Should -Be 4, 7.5, 4, 7.5
    }

    It 'feeds Start-ComfyRun: a run for each row, with its inputs' {
        $emulator = New-TestEmulator
        $runs = New-ComfyInputGrid ([ordered]@{ style = 'noir', 'anime'; seed = 1..3 }) | Start-ComfyRun portrait -Inputs @{ prompt = 'a fox' }
        $runs.ForEach{ "$($_.Inputs.prompt) $($_.Inputs.style) $($_.Inputs.seed)" } |
            Should -Be 'a fox noir 1', 'a fox noir 2', 'a fox noir 3', 'a fox anime 1', 'a fox anime 2', 'a fox anime 3'
        @(Get-TestRequest $emulator -Method POST).Count | Should -Be 6
    }

    It 'can be limited before Start-ComfyRun' {
        $emulator = New-TestEmulator
        $null = New-ComfyInputGrid @{ seed = 1..1000000 } | Select-Object -First 2 | Start-ComfyRun portrait
        @(Get-TestRequest $emulator -Method POST).Count | Should -Be 2
    }

    It 'refuses <Name>' -ForEach @(
        @{ Name = 'an empty hashtable'; Values = @{}; Message = '*no keys*' }
        @{ Name = 'an empty list'; Values = @{ seed = @() }; Message = "*'seed' has no values*" }
        @{ Name = 'the result of a command without output'; Values = @{ image = Get-ChildItem "$PSScriptRoot/*.nothing" }; Message = "*'image' has no values*" }
        @{ Name = 'a number as a key'; Values = @{ 1 = 2 }; Message = "*Quote the name of the input: '1'*" }
    ) {
        { New-ComfyInputGrid $Values } | Should -Throw $Message -ErrorId 'InvalidInput,ComfyDeploy.Commands.NewComfyInputGridCommand'
    }

    It 'refuses keys that differ only in case' {
        $values = [hashtable]::new()
        $values.Add('seed', 1)
        $values.Add('Seed', 2)
        { New-ComfyInputGrid $values } | Should -Throw '*given twice*' -ErrorId 'InvalidInput,*'
    }
}
